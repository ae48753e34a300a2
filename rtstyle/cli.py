"""The command `rtstyle`: finds commands by name, turns errors into one line."""

import errno
import logging
import os
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeGuard

import click

from rtstyle import __version__
from rtstyle.errors import RtstyleError, UsageError
from rtstyle.process.signals import EXIT_SIGNAL, StopEvent, Stopped, stopped_by_signals
from rtstyle.process.streams import stdout_fault, steady_streams
from rtstyle.process.terminal import LineFormatter, echo, is_dumb
from rtstyle.telemetry import forbid_telemetry
from rtstyle_streams.errors import SpecError, StreamError

COMMANDS: Final = {
    "demo": "rtstyle.commands.demo:demo",
    "video": "rtstyle.commands.video:video",
    "image": "rtstyle.commands.image:image",
    "jobs": "rtstyle.commands.jobs:jobs",
    "webcam": "rtstyle.commands.webcam:webcam",
    "studio": "rtstyle.commands.studio:studio",
    "styles": "rtstyle.commands.styles:styles",
    "cameras": "rtstyle.commands.cameras:cameras",
    "devices": "rtstyle.commands.devices:devices",
    "doctor": "rtstyle.commands.doctor:doctor",
    "bench": "rtstyle.commands.bench:bench",
}
"""The core's own commands; those of `train` and `export` are entry points."""
EXTRA_OF: Final = {
    "accelerate": "train",
    "onnxscript": "train",
    "open_clip": "train",
    "safetensors": "train",
    "torch": "train",
    "torchvision": "train",
    "openvino": "openvino",
    "ray": "cluster",
    "pyvirtualcam": "virtualcam",
    "tensorrt": "tensorrt",
    "starlette": "studio",
    "uvicorn": "studio",
    "websockets": "studio",
    "pythonosc": "studio",
    "mss": "studio",
    "onnxruntime_ep_webgpu": "webgpu",
    "onnxruntime_ep_nv_tensorrt_rtx": "tensorrt-rtx",
}
"""Which extra brings a module that was not found."""
EXIT_FAILURE, EXIT_USAGE = 1, 2
TELLING: Final = frozenset(("bench", "cameras", "doctor", "styles"))
"""Commands whose result is what they write to stdout."""


class LazyGroup(click.Group):
    """Imports a command when it is called or listed, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the core's commands in their order, then the others."""
        return [*COMMANDS, *sorted(point.name for point in _points())]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if name in COMMANDS:
            module, _, attribute = COMMANDS[name].partition(":")
            command = getattr(import_module(module), attribute)
        else:
            found = [point for point in _points() if point.name == name]
            if not found:
                return None
            command = found[0].load()
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rtstyle")
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
def group(debug: bool, verbose: bool) -> None:  # main has looked for --debug
    """Stylize video in real time: files, webcams, video calls."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(message)s"))
    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("libav", "torch", "onnxscript", "accelerate", "PIL"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0, 1 (failure), 2 (usage) or 128 and a signal."""
    forbid_telemetry()
    steady_streams()
    if is_dumb():
        os.environ.setdefault("TQDM_DISABLE", "1")  # a bar is drawn over itself
    given = sys.argv[1:] if arguments is None else arguments
    with stopped_by_signals() as stop:
        code = _run(given, stop)
        fault = stdout_fault()
    if fault:
        echo(f"rtstyle: stdout: the result could not be written ({fault})", err=True)
        code = code or (EXIT_FAILURE if given[:1] and given[0] in TELLING else 0)
    sys.exit(code)


def _run(given: list[str], stop: StopEvent) -> int:
    """Run the command line and return the exit status."""
    words = [word for word in given if word != "--debug"]  # wherever it stands
    try:
        code = group.main(words, prog_name="rtstyle", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort) as error:
        found = (error, error.__cause__, error.__context__)  # click wraps it
        return _stopped(next((one for one in found if isinstance(one, Stopped)), stop))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except SystemExit as error:  # a command that knows its exit status
        return error.code if isinstance(error.code, int) else EXIT_FAILURE
    except Exception as error:
        if stop.is_set():  # libraries make errors of their own of it
            return _stopped(stop)
        if len(words) < len(given) and not isinstance(error, click.ClickException):
            raise
        return report(error)
    return code if isinstance(code, int) else 0


def _stopped(stop: StopEvent | Stopped) -> int:
    """Say that a signal ended the run and return the exit status for it."""
    echo("rtstyle: stopped", err=True)
    return EXIT_SIGNAL + stop.number


def report(error: Exception) -> int:
    """Print one line about `error` on stderr and return the exit status."""
    text, code = " ".join(str(error).split()), EXIT_FAILURE
    if isinstance(error, click.ClickException):
        text, code = _usage_line(error), error.exit_code
    elif isinstance(error, UsageError | SpecError):
        code = EXIT_USAGE
    elif isinstance(error, ModuleNotFoundError) and error.name:
        text = _missing_module(error.name)
    elif isinstance(error, ImportError):
        text = _broken_import(text)
    elif not isinstance(error, RtstyleError | StreamError) and _is_about_a_name(error):
        text = f"{error.filename}: cannot be used ({error.strerror})"
    elif not isinstance(error, RtstyleError | StreamError):
        text = f"{type(error).__name__}: {text}; run again with --debug for more"
    echo(f"rtstyle: {text}", err=True)
    return code


def _is_about_a_name(error: Exception) -> TypeGuard[OSError]:
    """Return whether the system refuses a name, whatever is there."""
    numbers = (errno.ENAMETOOLONG, errno.ELOOP)
    return (
        isinstance(error, OSError) and error.errno in numbers and bool(error.filename)
    )


def _usage_line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{text}; see {context.command_path} --help" if context else text


def _missing_module(name: str) -> str:
    extra = EXTRA_OF.get(name.partition(".")[0])
    what = f"'rtstyle[{extra}]'" if extra else name
    return f"this needs {name}, which is not installed. Install it: pip install {what}"


def _broken_import(text: str) -> str:
    if "libGL" in text or "libgthread" in text or "libglib" in text:
        return (
            f"OpenCV needs system libraries that are missing ({text}); on Debian and "
            "Ubuntu install them with: sudo apt-get install libgl1 libglib2.0-0"
        )
    return text


def _points() -> list[EntryPoint]:
    return list(entry_points(group="rtstyle.commands"))
