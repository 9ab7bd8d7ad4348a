import tempfile, time
import numpy as np, torch
from course_lib.experiments import arms
from course_lib.experiments.data import HeldOut
from course_lib.experiments.evaluation import document_losses
from course_lib.models import DecoderModel, shipped
from course_lib.text import corpora
from course_lib.training import NextTokenData, Recipe, train
torch.set_num_threads(1)
t=time.time()
tokenizer = shipped.load("docs-mha").tokenizer
learnt, held_out = corpora.load("docs").split()
text = torch.tensor(tokenizer.encode(learnt.text[:300_000]), dtype=torch.int32)
exam = [HeldOut(name, torch.tensor(tokenizer.encode(body[:1000])), 1000, 0.0) for name, body in held_out.documents[:40]]
data = [NextTokenData((text, text[:128]), tokenizer.vocab, 64, 8, seed) for seed in range(3)]
print("load", time.time()-t)
def trained(name, seed):
    arm = arms.arm(name)
    sizes = {"vocab_size": len(tokenizer.vocab), "n_layers": 1, "d_model": 64, "d_ff": arms.matched_d_ff(arm, 64, 400)}
    torch.manual_seed(seed)
    model = DecoderModel(arms.model_config(arm, **sizes))
    recipe = Recipe(steps=80, learning_rate=6e-3, warmup=8, final=0.02, evaluate_every=80, checkpoint_every=80, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        _ = train(model, data[seed], recipe, folder, device="cpu", watchers=())
    nats = document_losses(model, exam, tokenizer.encode("\n\n"), 64)
    return np.array(nats) / [len(each.tokens) for each in exam]
t=time.time()
own = {name: np.array([trained(name, seed) for seed in range(3)]) for name in ("MHA", "GQA2")}
print("train", time.time()-t)
D = own["MHA"] - own["GQA2"]
print(own["MHA"].mean(1), own["GQA2"].mean(1), D.mean(1), D.mean(), own["MHA"].std(1), D.std(1))
from course_lib.experiments.statistics import estimate
print(estimate(D))
import sys
print([m for m in ("scipy","pyarrow","distributed") if m in sys.modules])
