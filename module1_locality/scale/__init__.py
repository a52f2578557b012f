"""A shard many times larger than MIT-BIH, in the page cache and out of it.

`tiled` writes it, `page_cache` cools it, `fresh_process` feeds from it, `measure` goes through all.
"""
