"""What widely used packages write, each in its own way: the path names the package."""

import logging
import sys

from fixture import Paths, text

application = Paths()


def path(function):
    def serve(environ, start_response):
        function(environ["wsgi.errors"])
        return text(start_response, "ok")

    application.path("/" + function.__name__, validated=False)(serve)


@path
def standard(errors):
    for number, stream in enumerate([errors, sys.stdout, sys.stderr]):
        logger = logging.getLogger("standard%d" % number)
        handler = logging.StreamHandler(stream)
        logger.addHandler(handler)
        logger.warning("standard line %d", number)
        logger.removeHandler(handler)


@path
def structlog(errors):
    import structlog

    structlog.PrintLogger(sys.stderr).msg("structlog print")
    structlog.WriteLogger(errors).msg("structlog write")
    structlog.BytesLogger(sys.stdout.buffer).msg(b"structlog bytes")
    structlog.BytesLogger(errors.buffer).msg(b"structlog errors")
    structlog.get_logger().warning("structlog default")


@path
def loguru(errors):
    from loguru import logger

    logger.warning("loguru default")
    number = logger.add(errors, format="{message}")
    logger.warning("loguru errors")
    logger.remove(number)
    number = logger.add(sys.stderr, colorize=None, enqueue=False, format="{level} {message}", diagnose=False)
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("loguru exception")
    logger.remove(number)


@path
def click(errors):
    import click

    click.echo("click text")
    click.echo(b"click bytes")
    click.echo("click stderr", err=True)
    click.echo("click errors", file=errors)
    click.secho("click coloured", fg="red", err=True)
    print("click text stream", file=click.get_text_stream("stdout"))
    click.get_binary_stream("stderr").write(b"click binary stream\n")
    with click.progressbar(range(3), file=sys.stderr) as bar:
        list(bar)
    click.open_file("-", "w").write("click dash\n")


@path
def rich(errors):
    from rich.console import Console
    from rich.logging import RichHandler
    from rich.progress import track

    Console(file=errors).print("[bold]rich errors[/bold]")
    console = Console(stderr=True)
    console.print("rich stderr", console.size.width > 0)
    list(track(range(2), description="rich progress", console=console))
    logger = logging.getLogger("rich")
    handler = RichHandler(console=Console(file=sys.stdout))
    logger.addHandler(handler)
    logger.warning("rich handler")
    logger.removeHandler(handler)


@path
def tqdm(errors):
    from tqdm import tqdm

    list(tqdm(range(2), desc="tqdm default"))
    list(tqdm(range(2), desc="tqdm errors", file=errors))
    tqdm.write("tqdm write")


@path
def termcolor(errors):
    from termcolor import colored, cprint

    cprint("termcolor cprint", "red")
    print(colored("termcolor colored", "green"), file=errors)


@path
def colorama(errors):
    import colorama

    colorama.init()
    print(colorama.Fore.RED + "colorama stdout" + colorama.Style.RESET_ALL)
    print("colorama stderr", file=sys.stderr)
    colorama.deinit()
    colorama.just_fix_windows_console()
    colorama.AnsiToWin32(errors).stream.write("colorama errors\n")
    print("colorama ended")


@path
def flask(errors):
    import flask

    app = flask.Flask("streams")
    with app.test_request_context("/", errors_stream=errors):
        app.logger.warning("flask of a request")
    app.logger.warning("flask of none")


@path
def django(errors):
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            LOGGING={
                "version": 1,
                "handlers": {"console": {"class": "logging.StreamHandler"}, "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}},
                "loggers": {"shop": {"handlers": ["console", "stdout"], "level": "INFO"}},
            }
        )
        import django

        django.setup()
    from django.core.management import call_command
    from django.core.management.base import OutputWrapper
    from django.core.management.color import supports_color

    logging.getLogger("shop").info("django logger")
    OutputWrapper(sys.stdout).write("django wrapper %s" % supports_color())
    call_command("check", stdout=errors)
    call_command("check")


@path
def debugger(errors):
    """There is nobody to talk to: the debugger ends at the end of its input."""
    import bdb
    import pdb

    try:
        pdb.set_trace()
        ended = "went on"
    except bdb.BdbQuit:
        ended = "quit"
    finally:
        sys.settrace(None)
    print("the debugger " + ended)


@path
def warned(errors):
    import traceback
    import warnings

    warnings.showwarning("a warning for a file", UserWarning, "file.py", 1, errors)
    traceback.print_stack(file=errors)
    print("printed in parts", 1, 2, file=errors)
