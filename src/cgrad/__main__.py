"""The command line: ``python -m cgrad info``, ``check`` and ``demo``."""
from __future__ import annotations

import argparse
import sys

import cgrad


def main(argv: list[str] | None = None) -> int:
    """Run a command; 0: well, 1: a check failed, 2: a wrong command, 130: interrupted."""
    parser = argparse.ArgumentParser(
        "python -m cgrad",
        description="Looks at an installation of cgrad, tests it, shows it.",
        epilog="Exit status: 0 all is well, 1 a check failed, 2 a wrong command, 130 interrupted. "
        "Options of a command: python -m cgrad COMMAND --help",
    )
    parser.add_argument("--version", action="version", version=f"cgrad {cgrad.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="{info,check,demo}", required=True)

    def command(name: str, what: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")

    info = command("info", "versions, BLAS, threads, features of the processor")
    info.add_argument("--json", action="store_true", help="as JSON")
    check = command("check", "test values, gradients, BLAS, threads and training, in some seconds")
    check.add_argument("--threads", type=int, metavar="N", help="to compute with (one per core)")
    demo = command("demo", "train a small network to tell two spirals apart, and draw it")
    demo.add_argument("--steps", type=int, default=2000, metavar="N", help="(%(default)s)")
    demo.add_argument("--seed", type=int, default=1, metavar="N",
                      help="of weights and batches (%(default)s)")  # fmt: skip
    given = parser.parse_args(argv)
    from cgrad import _commands

    for name in ("threads", "steps"):
        number = getattr(given, name, None)
        if number is not None and number < 1:
            parser.error(f"argument --{name}: {number} is not a number above 0")
    try:
        if given.command == "info":
            return _commands.info(given.json)
        if given.command == "check":
            return _commands.check(given.threads)
        return _commands.demo(given.steps, given.seed)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stdout = None
        return 1


if __name__ == "__main__":
    sys.exit(main())
