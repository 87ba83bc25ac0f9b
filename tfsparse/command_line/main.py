"""Finds the subcommand, runs it, and turns its errors into one line and an exit code."""

import contextlib
import importlib
import logging
import os
import re
import sys
from importlib import metadata

from absl import app, flags

# In the order in which one meets them.
COMMANDS = {
    "convert": "a Keras model or a TFLite file to a sparse TFLite file",
    "prune-file": "a TFLite file to one with zeros, near in its outputs, without training",
    "compress": "a Keras model to the best sparse one for a latency, a size or a loss of accuracy",
    "densify": "a sparse TFLite file to the dense one",
    "pack": "a TFLite file to a smaller archive, for storage and transport",
    "unpack": "such an archive to the same TFLite file again",
    "inspect": "what is inside a TFLite file, and what each runtime skips of its zeros",
    "explain": "what tfsparse's delegate runs of a file, how, and why not the rest",
    "report": "the same as a web page, with pictures and times; two files side by side",
    "benchmark": "how much faster files run with tfsparse than with TFLite's default",
    "tune": "measure which parts of a file run faster with tfsparse, and run it so from then on",
    "demo": "train, prune, convert, check and time a small network",
}
HELP = ("--help", "-help", "-h", "-?")
OK, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
# What the package raises for what its callers can mend.
ERRORS = (ImportError, OSError, RuntimeError, TypeError, ValueError)


def main(argv=None):
    """Runs the command.

    Args:
        argv: The arguments, without the program's name; by default those of the process.

    Returns:
        The exit code: 0, 1 after an error, 2 for wrong usage.
    """
    # Before TensorFlow is imported; what it logs is of no use to those who did not call it.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    argv = sys.argv[1:] if argv is None else argv
    if not argv:
        print(overview(), file=sys.stderr)
        return WRONG_USAGE
    name, *arguments = argv
    if name in HELP or name == "help":
        print(overview())
        return OK
    if name == "--version":
        print(metadata.version("tfsparse"))
        return OK
    if name not in COMMANDS:
        return fail(f"Expected a command: {', '.join(COMMANDS)}. Received: {name!r}", WRONG_USAGE)
    command = importlib.import_module(f"tfsparse.command_line.{name.replace('-', '_')}")
    if any(argument in HELP for argument in arguments):
        print(help_of(command))
        return OK
    return run(name, command, arguments)


def run(name, command, arguments):
    """Parses the flags of a subcommand, and runs it; returns the exit code."""
    try:
        command.FLAGS.unparse_flags()
        command.FLAGS.set_gnu_getopt(True)  # Lets flags follow the files.
        _, *positional = command.FLAGS([f"tfsparse {name}", *arguments])
        with _logging(name):
            command.main(positional)
        sys.stdout.flush()
    except (app.UsageError, flags.Error) as error:
        return fail(f"{error} See: tfsparse {name} --help", WRONG_USAGE, name)
    except BrokenPipeError:  # As of `tfsparse inspect model.tflite | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED, name)
    except ERRORS as error:
        return fail(str(error) or type(error).__name__, FAILED, name)
    return OK


@contextlib.contextmanager
def _logging(name):
    """Prints what the package logs like the errors of a subcommand."""
    logger, handler = logging.getLogger("tfsparse"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter(f"tfsparse {name}: %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(handler)


def fail(message, code, name=""):
    """Prints an error as one line, and returns the exit code."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    print(" ".join(["tfsparse", *([name] if name else [])]) + f": {lines[0]}", file=sys.stderr)
    return code


def overview():
    """What `tfsparse --help` prints."""
    lines = [
        "Makes neural networks sparse, small and fast.",
        "",
        "tfsparse COMMAND ... [flags]",
        "",
    ]
    lines += [f"  {name:10} {what}" for name, what in COMMANDS.items()]
    return "\n".join([*lines, "", "tfsparse COMMAND --help shows examples and flags."])


def help_of(command):
    """What `tfsparse COMMAND --help` prints: its docstring, and its flags."""
    lines = [command.__doc__.strip(), "", "Flags:"]
    for name in sorted({command.FLAGS[name].name for name in command.FLAGS}):
        flag = command.FLAGS[name]
        short = f"-{flag.short_name}, " if flag.short_name else ""
        default = (
            "" if flag.default in (None, False) else f" [{flag.default_as_str.strip(chr(39))}]"
        )
        text = re.sub("^<.*?>: ", "", flag.help)  # What absl puts before the help of choices.
        lines.append(f"  {short}--{_syntax(flag)}: {text}{default}")
    return "\n".join(lines)


def _syntax(flag):
    if flag.boolean:
        return flag.name if flag.default in (None, False) else f"[no]{flag.name}"
    choices = getattr(flag.parser, "enum_values", None)
    return f"{flag.name} {'|'.join(choices) if choices else flag.flag_type().upper()}"


if __name__ == "__main__":
    sys.exit(main())
