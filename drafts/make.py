"""Assemble notebook 11 from the prose and the exercises' cells."""
import re
cells = open("/tmp/ex11_cells.md").read()
parts = re.split(r"(?=^### Exercise )", cells, flags=re.M)[1:]
ex = {}
for part in parts:
    n = re.match(r"### Exercise 11\.(\d)", part).group(1)
    blocks = re.split(r"(?=^```python\n)", part, flags=re.M)
    intro, stub, hints, after = blocks[0], blocks[1], blocks[2], blocks[3]
    ex[n] = (intro.strip(), stub.strip(), hints.strip(), after.strip())
text = open("/tmp/nb11/draft.md").read()
for n, (intro, stub, hints, after) in ex.items():
    text = text.replace(f"<<INTRO{n}>>", intro).replace(f"<<STUB{n}>>", stub + "\n\n" + hints)
assert "<<" not in text, re.findall("<<.*?>>", text)
open("notebooks/text/11_which_attention.md", "w").write(text)
