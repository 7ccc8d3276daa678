/* Short texts to try. */

export const SAMPLES = [
  {
    name: "Space",
    text:
      "In July 1969 Neil Armstrong and Buzz Aldrin walked on the Moon while Michael Collins circled above them. " +
      "NASA had launched Apollo 11 from Florida on a Wednesday morning, and President Nixon telephoned from " +
      "Washington to congratulate the crew.",
  },
  {
    name: "Science",
    text:
      "Marie Curie was born in Warsaw in 1867 and left Poland to study at the Sorbonne in Paris.\n" +
      "She won the Nobel Prize in Physics in 1903 and the one in Chemistry in 1911. During the First World War she " +
      "drove X-ray vans to French field hospitals.",
  },
  {
    name: "Storm",
    text:
      "Hurricane Katrina struck Louisiana on 29 August 2005. In New Orleans the levees broke; the Red Cross and the " +
      "National Guard took thousands of people to Texas. Congress held hearings in Washington that autumn.",
  },
  {
    name: "Umlauts, emoji",
    text:
      "Greetings from Köln 🎉! In 1912 Käthe Müller and Søren Ødegård took the train from Zürich 🇨🇭 to Göteborg. " +
      "👩‍🚀 Sigmund Jähn of Morgenröthe-Rautenkranz flew to Salyut 6 in August 1978.",
  },
  {
    name: "العربية",
    text: "وُلد نجيب محفوظ في القاهرة عام 1911، ودرس الفلسفة في جامعة القاهرة. حصل على جائزة نوبل في الأدب عام 1988 في ستوكهولم.",
  },
];
