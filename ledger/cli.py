"""The command line `xinzheng`.

Commands are imported when they are called, so that `xinzheng verify` and every `--help` work with the base
dependencies alone; a command that needs more says which extra has it.

Exit status of every command: 0 done, or the answer is yes; 1 the answer is no, or the request was refused;
2 wrong usage or unusable input; 3 something is not available now, or the program failed; 4 integrity is
broken. A failure of the program's own is one line as well, which quotes nothing; XINZHENG_TRACEBACK=1 shows
where it came from.
"""

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from ledger.commands.refusals import REFUSALS
from ledger.errors import (
    AnswerInvalid,
    BackendMissing,
    ChainRefused,
    InputError,
    IntegrityError,
    LedgerError,
    Unavailable,
)

EXIT_OK, EXIT_NO, EXIT_UNUSABLE, EXIT_UNAVAILABLE, EXIT_INTEGRITY = 0, 1, 2, 3, 4

# name -> (module, attribute, one line for `xinzheng --help`)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("ledger.commands.setup", "init", "创建部署 · Create a deployment: folder, keys, configuration."),
    "up": ("ledger.commands.running", "up", "全部启动 · Run chain, worker and service until stopped."),
    "serve": ("ledger.commands.running", "serve", "启动接口服务 · Run the HTTP service."),
    "worker": (
        "ledger.commands.running",
        "worker",
        "启动后台进程 · Run the worker: integrate, publish, anchor.",
    ),
    "chain": ("ledger.commands.chain", "chain", "内嵌链 · Start, stop, save or show the embedded chain."),
    "deploy": (
        "ledger.commands.chain",
        "deploy",
        "部署合约 · Deploy the contracts and register the operator.",
    ),
    "member": ("ledger.commands.member", "member", "成员 · List, propose, approve; export the trust file."),
    "witness": (
        "ledger.commands.witness",
        "witness",
        "见证 · Follow other members' logs, countersign their checkpoints.",
    ),
    "dispute": (
        "ledger.commands.dispute",
        "dispute",
        "链上争议 · Challenge a log on the chain, report misbehaviour.",
    ),
    "key": ("ledger.commands.key", "key", "密钥 · Make and show SM2 keys, change passphrases."),
    "import": (
        "ledger.commands.importing",
        "import_",
        "导入表格 · Import XLSX or CSV in the official columns.",
    ),
    "submit": ("ledger.commands.asking", "submit", "提交陈述 · Sign and submit a statement."),
    "check": ("ledger.commands.checking", "check", "联合奖惩核查 · Check a subject for a matter."),
    "record": ("ledger.commands.record", "record", "信用记录 · Objection, correction, repair, withdrawal."),
    "case": ("ledger.commands.case", "case", "联合惩戒 · Propose, review, answer and lift cases."),
    "quality": ("ledger.commands.quality", "quality", "数据质量 · Figures reported, and as the log shows."),
    "subscribe": (
        "ledger.commands.subscribe",
        "subscribe",
        "订阅 · Be told of new and ended records, by webhook.",
    ),
    "trail": ("ledger.commands.asking", "trail", "访问轨迹 · Who accessed what, about whom."),
    "own": ("ledger.commands.subjects", "own", "本人查询 · A subject's own records, and who looked."),
    "authorise": (
        "ledger.commands.subjects",
        "authorise",
        "查询授权 · Record, withdraw and show a person's authorisation.",
    ),
    "certificate": ("ledger.commands.asking", "certificate", "电子证照核验 · Verify an e-certificate."),
    "overdue": ("ledger.commands.overdue", "overdue", "逾期事项 · Duties past their deadline and not done."),
    "catalogue": (
        "ledger.commands.catalogue",
        "catalogue",
        "目录版本 · Show, check and publish editions of the catalogue.",
    ),
    "verify": ("ledger.verify.command", "main", "离线验证 · Verify a bundle offline."),
    "audit": ("ledger.commands.care", "audit", "全量审计 · Re-verify everything from the entries alone."),
    "privacy": (
        "ledger.commands.privacy",
        "privacy",
        "个人信息 · Erase sealed content, rotate the master key.",
    ),
    "backup": ("ledger.commands.backup", "backup", "备份 · Copy a deployment while it runs."),
    "status": ("ledger.commands.care", "status", "状态 · How far each log has come."),
}
TRACEBACK_VARIABLE = "XINZHENG_TRACEBACK"
_LATER = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ECONNREFUSED})
# What a missing package means to the one who calls a command.
_OF_BASE = frozenset({"asn1crypto", "click", "cryptography", "gmssl", "pypdf"})


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing in {"ledger", "api"} | _OF_BASE:
                raise
            raise BackendMissing(
                f"`xinzheng {cmd_name}` needs the package {missing}: pip install 'xinzheng[service]'"
            ) from None
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit status: 0 done or yes; 1 no or refused; 2 wrong usage or unusable input; "
        "3 not available now; 4 integrity broken."
    ),
)
@click.version_option(package_name="xinzheng")
def cli() -> None:
    """信证 Xinzheng: a credit and audit ledger whose every answer can be proved."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; errors become one line, and every way out has its exit status."""
    try:
        status = cli.main(args=None if arguments is None else list(arguments), standalone_mode=False)
    except click.exceptions.Abort:
        _complain("已中止。 / Aborted.")
        sys.exit(EXIT_NO)
    except click.ClickException as error:
        _complain_of_usage(error)
        sys.exit(EXIT_UNUSABLE)
    except LedgerError as error:
        _complain(sentence(error))
        sys.exit(exit_status(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_OK)
    except OSError as error:
        _complain(
            f"错误：文件或设备无法读写。 / A file or device cannot be used. [io_failed] {_of_system(error)}"
        )
        sys.exit(EXIT_UNAVAILABLE if error.errno in _LATER else EXIT_UNUSABLE)
    except Exception as error:  # noqa: BLE001 - the last resort, so that no traceback quotes what is personal
        _complain(_of_ours(error))
        sys.exit(EXIT_UNAVAILABLE)
    sys.exit(status if isinstance(status, int) else EXIT_OK)


def sentence(error: LedgerError) -> str:
    """An error as one line, Chinese first."""
    detail = error.detail if error.detail and error.detail != error.en else ""
    if isinstance(error, ChainRefused) and error.reason in REFUSALS:
        zh, en = REFUSALS[error.reason]
        detail = f"{zh} / {en}: {detail}"
    return f"错误：{error.zh} / {error.en} [{error.code}]{' ' + detail if detail else ''}".replace("\n", " ")


def exit_status(error: LedgerError) -> int:
    """The exit status that an error stands for."""
    if isinstance(error, IntegrityError | AnswerInvalid):
        return EXIT_INTEGRITY
    if isinstance(error, Unavailable | BackendMissing) or type(error) is LedgerError:
        # The last is a failure of the service itself, which says neither yes nor no.
        return EXIT_UNAVAILABLE
    if isinstance(error, InputError):
        return EXIT_UNUSABLE
    return EXIT_NO


def _of_ours(error: Exception) -> str:
    """A failure of the program's own, by its type and place: what a foreign exception says may quote a
    person's number."""
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exc()
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
    more = f"{TRACEBACK_VARIABLE}=1 shows more"
    return f"错误：程序内部错误。 / The program failed. [internal] {place}; {more}"


def _of_system(error: OSError) -> str:
    named = f": {error.filename}" if error.filename is not None else ""
    return f"{error.strerror or type(error).__name__}{named}"


def _complain_of_usage(error: click.ClickException) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        # Its message is the help itself.
        _complain(error.format_message())
        return
    if isinstance(error, click.UsageError) and error.ctx is not None:
        _complain(f"{error.ctx.get_usage()}\n用 {error.ctx.command_path} --help 查看帮助 · for help")
    _complain(f"错误：命令用法不正确 / Wrong usage: {error.format_message()}")


def _complain(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
