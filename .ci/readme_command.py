"""Prints the one-line `bash` block under a heading of README.md, letter by letter."""
import sys
from pathlib import Path


def command(text, heading):
    lines = text.splitlines()
    start = lines.index(f"## {heading}")
    section = lines[start + 1:]
    section = section[: next((i for i, s in enumerate(section) if s.startswith("## ")), None)]
    fences = [i for i, s in enumerate(section) if s.startswith("```")]
    if len(fences) != 2 or section[fences[0]] != "```bash" or fences[1] != fences[0] + 2:
        raise SystemExit(f"README.md: '{heading}' must hold one bash block of one line")
    return section[fences[0] + 1]


if __name__ == "__main__":
    readme = Path(__file__).resolve().parent.parent / "README.md"
    print(command(readme.read_text("utf-8"), sys.argv[1]))
