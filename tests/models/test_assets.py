"""The models that come with the course: all there, small, and as good as their cards say."""

import pytest

from course_lib import versions
from course_lib.models import shipped
from course_lib.text import corpora
from course_lib.training import evaluate
from course_lib.training.plans import PLANS
from course_lib.training.translation import TranslationData, exact_matches

# The texts come from installed packages; `make test VERSIONS=newest` reads others than those of the cards.
of_the_pinned_texts = pytest.mark.skipif(
    any(
        versions.differs(versions.installed(name), versions.pins().get(name))
        for name in ("numpy", "sympy", "num2words")
    ),
    reason="the packages that the texts come from are not those of constraints.txt",
)


def test_every_plan_has_its_model():
    assert shipped.names() == tuple(sorted(PLANS))


def test_all_files_together_take_at_most_24_megabytes():
    assert sum(path.stat().st_size for path in shipped.ASSETS.rglob("*") if path.is_file()) <= 24e6


@of_the_pinned_texts
@pytest.mark.parametrize("name", PLANS)
def test_a_model_reproduces_the_loss_of_its_card(name):
    found, plan = shipped.load(name), PLANS[name]
    loss = evaluate(found.model, plan.sample(found.tokenizer)).nats_per_token
    assert loss == pytest.approx(found.card["sample"]["nats_per_token"], abs=5e-4)  # three decimals


@pytest.mark.parametrize("name", PLANS)
def test_a_card_says_what_was_trained_and_how(name):
    card, plan = shipped.load(name).card, PLANS[name]
    assert card["command"] == f"python -m course_lib train {name}" and card["summary"] == plan.summary
    assert card["recipe"] == plan.recipe.as_dict()
    words = (shipped.ASSETS / name / "README.md").read_text()
    assert card["command"] in words and f"{card['validation']['nats_per_token']:.3f}" in words
    log = (shipped.ASSETS / name / "log.jsonl").read_text().splitlines()
    assert len(log) > plan.recipe.steps / plan.recipe.log_every


@of_the_pinned_texts
@pytest.mark.parametrize("name", [name for name in PLANS if name != "numbers"])
def test_a_card_names_the_text(name):
    text = shipped.load(name).card["text"]
    assert text["fingerprint"]["sha256"] == corpora.load(PLANS[name].corpus).fingerprint.sha256


def test_decoders_of_a_corpus_share_their_tokens():
    for corpus in ("docs", "code"):
        vocabularies = {shipped.load(f"{corpus}-{kind}").tokenizer.vocab for kind in ("mha", "gqa", "mla")}
        assert len(vocabularies) == 1


def test_the_translator_translates():
    found = shipped.load("numbers")
    assert found.card["exact_matches"] >= 0.99
    data = TranslationData(found.tokenizer, batch_size=1, validation_pairs=50)
    assert exact_matches(found.model, data) >= 0.95  # of 50 pairs; one mistake is 0.02
