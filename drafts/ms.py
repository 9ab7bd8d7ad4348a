import torch, time
from course_lib.bench.timing import time_calls
from course_lib.experiments import arms
from course_lib.models import DecoderModel
torch.set_num_threads(1)
@torch.no_grad()
def decode_ms(name, cached=4096):
    """Milliseconds of one new token in one attention layer, behind so many cached ones."""
    arm = arms.arm(name)
    sizes = {"vocab_size": 64, "n_layers": 1, "d_model": 128, "d_ff": 8}
    layer = DecoderModel(arms.model_config(arm, **sizes)).blocks[0].attention.eval()
    cache, rows = layer.new_cache(cached + 1), torch.randn(1, cached + 1, 128)
    layer(rows[:, :cached], cache)
    def step():
        layer(rows[:, cached:], cache)
        cache.truncate(cached)
    return 1e3 * time_calls(step, 15).median
for name in arms.in_group(arms.CORE):
    t=time.time(); print(name, round(decode_ms(name),3), round(time.time()-t,2))
