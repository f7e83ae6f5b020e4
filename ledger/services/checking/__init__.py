"""The check, in parts: who is asked about (`subjects`), how their records stand (`standing`), what they
amount to for a matter (`findings`), the looks that are permitted and logged (`looks`), many subjects at once
(`batch`), lists of subjects as spreadsheets (`sheets`), and the entry of the edition applied (`editions`).
"""
