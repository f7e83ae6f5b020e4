"""What is wrong with a department's sheet as a file, and with a cell or a row of it."""

from ledger.errors.base import Conflict, InputError, NotFound
from ledger.errors.inputs import SheetInvalid


class SheetEncrypted(SheetInvalid):
    code = "sheet_encrypted"
    zh = "该工作簿设有打开密码，请去掉密码后另存再导入。"
    en = "The workbook is protected by a password; save it without one."


class SheetFormatRefused(SheetInvalid):
    code = "sheet_format_refused"
    zh = "不支持该文件格式，请另存为 XLSX 或 CSV。"
    en = "This file format is not taken; save it as XLSX or CSV."


class SheetDamaged(SheetInvalid):
    code = "sheet_damaged"
    zh = "文件不完整或已损坏，请重新导出。"
    en = "The file is cut off or damaged; export it again."


class SheetNameUnknown(SheetInvalid):
    code = "sheet_name_unknown"
    zh = "工作簿中没有这个工作表。"
    en = "The workbook has no sheet of that name."


class JournalUnusable(InputError):
    code = "journal_unusable"
    zh = "无法写入导入记录文件夹，请用 --journal 指定可写且有空间的位置。"
    en = "The folder for what is being sent cannot be written; name another with --journal."


class CellError(InputError):
    code = "cell_error"
    zh = "单元格显示为错误值（如 #N/A），请填写实际内容。"
    en = "The cell holds a spreadsheet error such as #N/A; write what is meant."


class CellMangled(InputError):
    """A code that a spreadsheet turned into a number or a date, so that part of it may be lost."""

    code = "cell_mangled"
    zh = "内容已被电子表格转成数字或日期，末位可能丢失；请先把该列设为文本格式，再重新填写。"
    en = "The spreadsheet turned this into a number or a date, which may have lost digits; use a text cell."


class RowCut(InputError):
    code = "row_cut"
    zh = "该行不完整，文件可能在此处被截断。"
    en = "The row is cut off here, and perhaps the file with it."


class RowTooWide(InputError):
    code = "row_too_wide"
    zh = "该行的单元格比表头多，内容可能已错列；含逗号的内容须用英文双引号括起。"
    en = "The row has more cells than the header, so they may be shifted; quote what holds a comma."


class RowRepeated(Conflict):
    code = "row_repeated"
    zh = "与前面的行内容相同，未重复导入。"
    en = "The same as an earlier row; not imported twice."


class RecordConflicts(Conflict):
    """The log holds a record of the same number about the same subject that says something else."""

    code = "record_conflicts"
    zh = "日志中已有同一文号、同一主体而内容不同的记录；如属更正，请按更正提交。"
    en = "The log holds another record of this number and subject; submit this one as its correction."


class RecordUnknown(NotFound):
    code = "record_unknown"
    zh = "未找到本单位报送的该文号、该主体的记录。"
    en = "This member has published no record of this number about this subject."


class RecordAmbiguous(Conflict):
    code = "record_ambiguous"
    zh = "该文号、该主体有多条记录，请填写条目编号。"
    en = "There are several records of this number about this subject; name the entry."
