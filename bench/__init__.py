"""The benchmarks: ``python -m bench``, printed as tables; ``python -m bench PART --help``.

- `service`, `processes`: a real ``landbridge`` as a process of its own, and what it costs.
- `population`: connections built through the API.
- `load`: the load generator, a process of its own so that its work is not the server's.
- `floor`: what the database driver alone does on the same file system.
- `api`: requests a second beside that floor; `admission`: what token and policy cost of it.
- `attacks`: what a plain GET costs beside attacks (`attackers`); `attacksdoc`: as a table.
- `updates`: from PUT to the new SA.
- `matrix`: what an update of each attribute (`cases`) costs, in packets (`counts`), tried
  (`trial`) between two sites (`ground`, `sides`) while charon is listened to (`ears`);
  `matrixdoc`: as tables. `repeats`: chosen ones many times, to find single losses, with all that
  helps to explain one (`witness`).
- `rates`: what updates that replace a CHILD_SA cost at high rates; `ratesdoc`: as tables.
- `groups`: what a new CHILD_SA costs by Diffie-Hellman group; `groupsdoc`: as tables.
- `throughput`: what goes through a tunnel (`iperf`) beside one set up `byhand`; `throughputdoc`: as
  a table.
- `report`: numbers as tables.

Numbers are told beside each other in one run; nothing here asserts a time.
"""
