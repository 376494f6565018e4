"""Writes fixtures/real-models/*.json: results of llama.cpp for the published models of tools/real-models/models.json.

    python -m venv env && env/bin/pip install -r benchmarks/peers/llama-cpp-python/requirements.txt
    node tools/real-models.ts
    env/bin/python tools/reference/make-real-model-fixtures.py <folder of the files>

llama.cpp is compiled on the machine that runs this script. The script calls the C functions directly, so that ids, logits
and choices are llama.cpp's own, without the upper layers of the Python package. `lossNats` has the loss under each of
llama.cpp's own switches: their differences are the cost of 8-bit activations (docs/log.md).
"""

import ctypes
import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path

import jinja2
import llama_cpp as c
import numpy

PINNED = {"llama-cpp-python": "0.3.36", "jinja2": "3.1.6", "numpy": "2.3.5"}
for package, pinned in PINNED.items():
    assert version(package) == pinned, f"these fixtures are made with {package} {pinned}, not {version(package)}"

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "fixtures" / "real-models"
CONTEXT = 1024
ANSWER_TOKENS = 24
# Greedy texts of such small models repeat themselves, in llama.cpp and in our engine; sampled texts do not.
TEMPERATURE, TOP_K, TEXT_TOKENS, SEEDS = 0.8, 40, 200, 2
F32, F16, Q8_0 = 0, 1, 8
FLASH_OFF, FLASH_ON = 0, 1
SWITCHES = {
    "f16": (F16, FLASH_OFF),
    "f16, flash attention": (F16, FLASH_ON),
    "f32": (F32, FLASH_OFF),
    "q8_0, flash attention": (Q8_0, FLASH_ON),
}


def tokenizer_texts():
    """Returns the texts of the tokenizer fixtures; the file's name has a dash, which `import` does not support."""
    spec = importlib.util.spec_from_file_location("texts", Path(__file__).with_name("tokenizer-texts.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TEXTS + module.TRAINING


class Model:
    def __init__(self, path):
        params = c.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = c.llama_model_load_from_file(str(path).encode(), params)
        assert self.model, f"llama.cpp could not load {path}"
        self.vocab = c.llama_model_get_vocab(self.model)
        self.vocab_size = c.llama_vocab_n_tokens(self.vocab)

    def encode(self, text, *, add_special=True, parse_special=False):
        data = text.encode()
        ids = (c.llama_token * (len(data) + 8))()
        count = c.llama_tokenize(self.vocab, data, len(data), ids, len(ids), add_special, parse_special)
        assert count >= 0, f"{-count} tokens do not fit"
        return list(ids[:count])

    def piece(self, token):
        data = ctypes.create_string_buffer(256)
        count = c.llama_token_to_piece(self.vocab, token, data, len(data), 0, False)
        return data.raw[: max(0, count)]

    def text(self, tokens):
        return b"".join(self.piece(token) for token in tokens).decode("utf-8", "replace")

    def template(self):
        text = c.llama_model_chat_template(self.model, None)
        return None if text is None else text.decode()


class Context:
    def __init__(self, model, kv_type, flash):
        params = c.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = CONTEXT
        params.n_threads = params.n_threads_batch = 1
        params.type_k = params.type_v = kv_type
        params.flash_attn_type = flash
        params.n_outputs_max = CONTEXT
        self.model = model
        self.context = c.llama_init_from_model(model.model, params)
        assert self.context, "llama.cpp could not make a context"

    def close(self):
        c.llama_free(self.context)

    def logits(self, tokens, *, start=0, every=False):
        """Returns the logits after the tokens, whose positions begin at `start`: a row for every token, or for the last."""
        if start == 0:
            c.llama_memory_clear(c.llama_get_memory(self.context), True)
        batch = c.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, start + i, 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = every or i == len(tokens) - 1
        status = c.llama_decode(self.context, batch)
        assert status == 0, f"llama_decode gave {status}"
        rows = range(len(tokens)) if every else [len(tokens) - 1]
        found = [numpy.ctypeslib.as_array(c.llama_get_logits_ith(self.context, i), (self.model.vocab_size,)).copy() for i in rows]
        c.llama_batch_free(batch)
        return found

    def mean_loss(self, tokens):
        """Returns the mean negative log-likelihood of every token after the first, in nats."""
        total = 0.0
        for row, following in zip(self.logits(tokens, every=True), tokens[1:]):
            wide = row.astype(numpy.float64)
            largest = wide.max()
            total += largest + numpy.log(numpy.exp(wide - largest).sum()) - wide[following]
        return total / (len(tokens) - 1)

    def generate(self, prompt, count, *, choose, past_end=False):
        """Generates tokens up to the end of the answer, at most `count`. `choose` maps a row of logits to a token."""
        output, position, tokens = [], 0, prompt
        while len(output) < count:
            row = self.logits(tokens, start=position)[0]
            position += len(tokens)
            token = int(choose(row))
            if not past_end and c.llama_vocab_is_eog(self.model.vocab, token):
                break
            output.append(token)
            tokens = [token]
        return output


def drawn(seed):
    """Returns a function that samples one of the TOP_K likeliest tokens at TEMPERATURE."""
    random = numpy.random.default_rng(seed)

    def choose(row):
        likeliest = numpy.argsort(-row, kind="stable")[:TOP_K]
        wide = row[likeliest].astype(numpy.float64) / TEMPERATURE
        sums = numpy.exp(wide - wide[0]).cumsum()
        return likeliest[numpy.searchsorted(sums, random.random() * sums[-1], side="right")]

    return choose


def prompt_of(model, question):
    """Renders a question with the file's chat template; without a template, returns a text to continue."""
    template = model.template()
    if template is None:
        return model.encode(question)
    source = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(template)
    messages = [{"role": "user", "content": question}]
    return model.encode(source.render(messages=messages, add_generation_prompt=True), parse_special=True)


def distinct_share(tokens, size=4):
    runs = [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
    return len(set(runs)) / len(runs)


def fixture_of(model, wanted):
    text_tokens = model.encode((TARGET / "text.txt").read_text(encoding="utf-8"))
    losses = {}
    for name, (kv_type, flash) in SWITCHES.items():
        context = Context(model, kv_type, flash)
        losses[name] = round(context.mean_loss(text_tokens), 6)
        context.close()
    context = Context(model, F16, FLASH_OFF)
    questions = []
    for question, answer in wanted["questions"]:
        tokens = context.generate(prompt_of(model, question), ANSWER_TOKENS, choose=numpy.argmax)
        output = model.text(tokens)
        print(f"  {question!r}: {output!r}", flush=True)
        questions.append({"question": question, "answer": answer, "output": output})
        assert answer.lower() in output.lower(), f"llama.cpp does not answer {question!r} with {answer!r}"
    shares = []
    for opening in wanted["openings"]:
        prompt = prompt_of(model, opening)
        for seed in range(SEEDS):
            tokens = context.generate(prompt, TEXT_TOKENS, choose=drawn(seed), past_end=True)
            shares.append(round(distinct_share(tokens), 4))
        print(f"  {opening!r}: {shares[-SEEDS:]}: {model.text(tokens)[:200]!r}", flush=True)
    context.close()
    drawing = {"temperature": TEMPERATURE, "topK": TOP_K}
    texts = {**drawing, "tokens": TEXT_TOKENS, "openings": wanted["openings"], "distinctShares": shares}
    return {"tokens": len(text_tokens), "lossNats": losses, "answerTokens": ANSWER_TOKENS, "questions": questions, "texts": texts}


def ids_of(model):
    """Joins each list of ids to one text, which keeps the files readable and small."""
    return [
        {"text": text, "plain": joined(model.encode(text)), "parsed": joined(model.encode(text, parse_special=True))}
        for text in [*tokenizer_texts(), *CHAT_TEXTS]
    ]


def joined(ids):
    return " ".join(map(str, ids))


# Turns of both models, as text that may be read as control tokens.
CHAT_TEXTS = [
    "<|im_start|>user\nHow deep may she lie?<|im_end|>\n<|im_start|>assistant\n",
    "<start_of_turn>user\nHow deep may she lie?<end_of_turn>\n<start_of_turn>model\n",
    "a <|im_end|> b<|im_end|>c <eos> d<eos>e <bos>",
]


def main():
    folder = Path(sys.argv[1])
    quiet = c.llama_log_callback(lambda level, text, user_data: None)  # must outlive its use
    c.llama_log_set(quiet, ctypes.c_void_p(0))
    c.llama_backend_init()
    listed = json.loads((ROOT / "tools/real-models/models.json").read_text(encoding="utf-8"))
    asked = json.loads((TARGET / "questions.json").read_text(encoding="utf-8"))
    for entry in listed["models"]:
        print(entry["id"])
        model = Model(folder / entry["file"])
        fixture = {"madeWith": PINNED, **fixture_of(model, asked[entry["id"]]), "ids": ids_of(model)}
        text = json.dumps(fixture, ensure_ascii=False, indent=1)
        (TARGET / f"{entry['id']}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
