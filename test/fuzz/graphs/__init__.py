"""A differential fuzzer: random small graphs, compiled and run by Tenon, compared with ONNX's reference evaluator.

A graph grows node by node (builder.py). A recipe (recipes/) draws a node that is valid for the values at hand; the
node is computed at once by the reference evaluator (oracle.py), on every data set, so that the next recipe sees
real shapes and contents, and the graph is finished with its right outputs known. Sizes differ between the data
sets of a dynamic model; what the model declares of them (a number, a name, nothing) is drawn too.

How exact a result must be is not guessed from the graph: next to the exact values the oracle carries copies in
which every rounding went another way. Where the copies spread, results may; where they disagree about
being infinite, or about an integer, nothing is compared.

Compiling and running happens in workers (workers.py) that may crash or hang; what is found is shrunk (shrink.py)
and written as a folder for `tenon verify` (report.py).
"""
