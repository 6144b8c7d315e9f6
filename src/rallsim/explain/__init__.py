"""One patient's story under every strategy: what happened, by which rule, and where random numbers decided.

`replay` leads the patient through the pathway itself and runs stages again with other uniforms. `reasons` says which
rule or which draw decided, `divergences` compares strategies. `words` is the only place with words for events and
attributes, `lines` writes events with them. `story` puts it together, `show` prints it, `bill` adds what it costs.
"""
