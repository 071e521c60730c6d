"""What the embedded LLM server's process runs; nothing imports it.

It is transformers' own command line, `transformers serve`, which ends when its standard input
does. The pipeline holds the other end of that pipe, so the server cannot outlive the pipeline,
however that dies. (Linux could send a signal instead, PR_SET_PDEATHSIG, but it does so when the
thread that started the process ends.)
"""

import os
from threading import Thread


def main() -> None:
    """Serve until standard input ends; the arguments are those of `transformers`."""
    Thread(target=_exit_with_standard_input, daemon=True).start()
    from transformers.cli.transformers import app

    app()


def _exit_with_standard_input() -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock would be held when the process ends itself
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
