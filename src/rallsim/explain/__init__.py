"""One patient's story under every strategy: what happened, by which rule, and where luck decided.

`replay` leads the patient through the pathway itself and asks it again with other draws, `reasons` says which rule or
which draw decided, `words` is the only place with words for events and attributes, `story` puts it together, `show`
prints it.
"""
