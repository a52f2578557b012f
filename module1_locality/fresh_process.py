"""A repeat in a process of its own, so that no repeat inherits another's memory or threads."""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from crossscale_results import Provenance, Row, Table, UserError
from crossscale_results.cli import EXIT_USER_ERROR
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.conditions import set_up
from module1_locality.config import Bench
from module1_locality.repeat import measure_repeat

_TABLES = {table.name: table for table in (LADDER_TABLE, ASSEMBLY_TABLE)}
_Rows = dict[str, list[Row]]  # by the table's name


def repeat_in_fresh_process(
    bench: Bench, provenance: Provenance, repeat: int, round_done: Callable[[], object]
) -> list[tuple[Table, list[Row]]]:
    """Each table's rows, once all of them are there; `round_done` is called as they are made.

    Raises:
        UserError: the process says that it cannot go on, or it has died.
        SystemExit: it ended by itself and has said why (`explain_bus_error`).
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(
        target=_work, args=(theirs, bench, provenance, repeat), name=f"repeat {repeat}"
    )
    process.start()
    theirs.close()
    try:
        while True:
            message: _Rows | str | None = ours.recv()
            if isinstance(message, str):
                raise UserError(message)
            if message is not None:
                return [(_TABLES[name], rows) for name, rows in message.items()]
            round_done()
    except EOFError as error:
        process.join()
        status = process.exitcode or 0
        if status == EXIT_USER_ERROR:
            raise SystemExit(EXIT_USER_ERROR) from None
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with {status}"
        raise UserError(
            f"the process of repeat {repeat} {ended}: see what it printed above, make sure that "
            "there is memory left, and run again"
        ) from error
    finally:
        ours.close()
        process.terminate()
        process.join()


def _work(connection: Connection, bench: Bench, provenance: Provenance, repeat: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bench ends this process
    rows: _Rows = {}
    try:
        for table, more in measure_repeat(set_up(bench, provenance), repeat):
            rows.setdefault(table.name, []).extend(more)
            connection.send(None)
        connection.send(rows)
    except UserError as error:
        connection.send(str(error))
    except OSError as error:  # of a full disk, or a folder that may not be written to
        where = error.filename or "a file"
        connection.send(f"repeat {repeat} cannot go on: {where}: {error.strerror}")
