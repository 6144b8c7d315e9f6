"""Files that other tools read as they are: hesim's tables, survival curves, logs, and a workbook for planners."""
