"""Other ways to run the same federation: torch.distributed with gloo, and Flower.

`contestants` lists them, one file holds each library's ways, `worker` runs one of them on its
ranks; `peer_bench` times them all.
"""
