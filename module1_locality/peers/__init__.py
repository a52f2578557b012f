"""Other data loaders beside the suite's, on the same windows in the same run.

`contestants` lists them, one file holds each library's ways, `compare` times them.
"""
