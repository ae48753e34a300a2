"""Malformed settings: recipes, style texts and options, as people write them."""

from pathlib import Path
from random import Random
from typing import Final

from rtstyle.errors import RtstyleError
from rtstyle.gallery.spec import parse_style
from rtstyle_streams.errors import StreamError
from rtstyle_streams.opening import open_source
from rtstyle_train.config.adain import make_adain_config
from rtstyle_train.config.image import make_config
from rtstyle_train.config.reading import read_recipe
from rtstyle_train.config.text import make_text_config
from tests.fuzz.mutators import mutated
from tests.fuzz.runner import Outcome, Run, Seed

RECIPES: Final = Path(__file__).parents[2] / "train" / "rtstyle_train" / "recipes"
WORDS: Final = (
    *("nan", "-inf", "1e999", "-1", "0", "9" * 40, "true", '""', '"\\u001b[2J"'),
    *("[]", "[[]]", "[nan]", "{}", "{a = 1}", "2026-01-01", "'x'", "[1, 'a']"),
)
IMAGE: Final = """
size = 96
steps = 10
batch_size = 2
style_weight = 6.0
scales = [1, 4]
content_layers = ["relu3_1"]
norm = "instance"
seed = 3
[first]
steps = 5
[[styles]]
name = "scream"
file = "scream.jpg"
short_side = 300
"""
TEXT: Final = 'prompt = "a painting"\nsize = 224\npatch_weight = 40.0\nband = "c2"\n'
ADAIN: Final = 'network = "adain"\nsize = 256\nself_share = 0.1\nheld_out = ["a"]\n'
MAKERS: Final = {
    "image": make_config,
    "text": make_text_config,
    "adain": make_adain_config,
}


class Recipes:
    """Reads a recipe and makes the settings of a training of it."""

    def seeds(self) -> list[Seed]:
        """Return a recipe of each kind, and those that are shipped."""
        own = {"image.toml": IMAGE, "text.toml": TEXT, "adain.toml": ADAIN}
        shipped = {
            f"image_{p.name}": p.read_text() for p in sorted(RECIPES.glob("*.toml"))
        }
        return [Seed(name, text.encode()) for name, text in (own | shipped).items()]

    def mutated(self, seed: Seed, other: Seed, random: Random) -> bytes:
        """Change bytes, values, keys, or the order of lines."""
        if random.random() < 0.3:
            return mutated(seed.data, random, other=other.data)
        lines = seed.data.decode("utf-8", "replace").splitlines() or [""]
        for _ in range(random.randint(1, 3)):
            place = random.randrange(len(lines))
            key, equals, _ = lines[place].partition("=")
            kind = random.randrange(4)
            if kind <= 1 and equals:
                lines[place] = f"{key}= {random.choice(WORDS)}"
            elif kind == 2:
                lines.insert(place, random.choice(lines))
            else:
                lines[place] = f"{random.choice(('x', 'seed', '[a', ''))}{lines[place]}"
        return "\n".join(lines).encode()

    def run(self, path: Path, folder: Path) -> Run:
        """Read a recipe and make settings of it."""
        kind = path.name.removeprefix("kept_").partition(".")[0].partition("_")[0]
        make = MAKERS.get(kind, make_config)
        try:
            config = make(read_recipe(path))
            first = getattr(config, "first_part", lambda: None)()
        except RtstyleError as error:
            assert "\n" not in str(error), "an error of several lines"
            return Run(Outcome.CLEAN_ERROR, str(error)[:200])
        return Run(Outcome.SUCCESS, "", {"parts": 1 + (first is not None)})

    def loss(self, path: Path, run: Run) -> str:
        """Nothing can be lost in settings."""
        return ""


SPECS: Final = (
    *("scream", "scream:0.6,monet:0.4", "a.png:1", "a,b,c", "C:\\styles\\a.onnx:2"),
    *("sample:", "sample:64x48@30x9", "sample:1x1@0x0", "webcam:0", "x.mp4"),
)
PIECES: Final = (
    ":",
    ",",
    "nan",
    "inf",
    "-1",
    "1e999",
    "@",
    "x",
    "\0",
    "\u202e",
    "9" * 30,
)


class Specs:
    """Reads what `--style` and the names of sources say."""

    def seeds(self) -> list[Seed]:
        """Return one text in a file each."""
        return [Seed(f"{n}.txt", text.encode()) for n, text in enumerate(SPECS)]

    def mutated(self, seed: Seed, other: Seed, random: Random) -> bytes:
        """Put pieces into a text, or change its bytes."""
        text = seed.data.decode("utf-8", "replace")
        for _ in range(random.randint(1, 4)):
            place = random.randrange(len(text) + 1)
            text = (
                text[:place]
                + random.choice(PIECES)
                + text[place + random.randrange(3) :]
            )
        data = text.encode("utf-8", "surrogatepass")
        return (
            mutated(data, random, other=other.data) if random.random() < 0.2 else data
        )

    def run(self, path: Path, folder: Path) -> Run:
        """Read a text as a style and, if it names the sample scene, as a source."""
        text = path.read_bytes().decode("utf-8", "surrogateescape")[:4000]
        try:
            total = sum(part.weight for part in parse_style(text).parts)
            if text.startswith("sample:"):
                open_source(text).close()
        except (RtstyleError, StreamError) as error:
            assert "\n" not in str(error).replace(text, ""), "an error of several lines"
            return Run(Outcome.CLEAN_ERROR, "")
        return Run(Outcome.SUCCESS, "", {"percent": round(100 * total)})

    def loss(self, path: Path, run: Run) -> str:
        """Return whether weights are lost."""
        return "" if run.facts["percent"] == 100 else f"{run.facts['percent']} %"
