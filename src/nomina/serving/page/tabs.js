/* Views behind tabs: https://www.w3.org/WAI/ARIA/apg/patterns/tabs/ */

/**
 * Let the tabs of a list choose, by click and by arrow keys.
 *
 * @param {HTMLElement} list With `role="tablist"`.
 * @param {(tab: HTMLElement) => void} show
 * @returns {(tab: HTMLElement) => void} Chooses a tab.
 */
export function bindTabs(list, show) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const choose = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
    show(chosen);
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(event.target);
    const n = tabs.length;
    const to = { ArrowRight: (at + 1) % n, ArrowLeft: (at + n - 1) % n, Home: 0, End: n - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    tabs[to].focus();
    choose(tabs[to]);
  });
  return choose;
}
