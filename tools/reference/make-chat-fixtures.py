"""Writes fixtures/chat-templates.json: templates with the features of published chat templates, conversations, and the
texts that transformers renders.

    python -m venv env && env/bin/pip install transformers==5.15.1 jinja2==3.1.6
    env/bin/python tools/reference/make-chat-fixtures.py
"""

import json
from importlib.metadata import version
from pathlib import Path

from jinja2.exceptions import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

for package, pinned in {"transformers": "5.15.1", "jinja2": "3.1.6"}.items():
    assert version(package) == pinned, f"these fixtures are made with {package} {pinned}, not {version(package)}"

TARGET = Path(__file__).resolve().parents[2] / "fixtures" / "chat-templates.json"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

TEMPLATES = {
    "turns with marks": """\
{%- for message in messages -%}
    {%- if loop.first and message.role != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}
<|im_start|>{{ message.role }}
{{ (message.content or '') | trim }}<|im_end|>
{% endfor %}
{% if add_generation_prompt %}
<|im_start|>assistant
{% endif %}
""",
    "strict turns": """\
{% if messages[0]['role'] == 'system' %}
    {% set system = messages[0]['content'] + '\\n\\n' %}
    {% set turns = messages[1:] %}
{% else %}
    {% set system = '' %}
    {% set turns = messages %}
{% endif %}
{{ bos_token }}
{%- for message in turns -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{- raise_exception('Roles must alternate: user, assistant, user ...') -}}
    {%- endif -%}
    {%- if message['role'] == 'user' -%}
        {{ ' [INST] ' ~ (system if loop.first else '') ~ message['content'] ~ ' [/INST]' }}
    {%- elif message['role'] == 'assistant' -%}
        {{ ' ' + message['content'].strip() + eos_token }}
    {%- else -%}
        {{ raise_exception('Unknown role: ' + message['role']) }}
    {%- endif -%}
{%- endfor -%}
""",
    "tools": """\
{%- macro describe(tool, level=1) -%}
{% for i in range(level) %}#{% endfor %} {{ tool.function.name | upper }}
{%- for name, property in tool.function.parameters.properties.items() %}

- {{ name }}: {{ property.type }}{% if name in tool.function.parameters.required %} (required){% endif %}{% if property.enum is defined %} one of {{ property.enum | join(', ') }}{% endif %}
{%- endfor %}
{%- endmacro -%}
{{- bos_token }}
{%- set state = namespace(system=none, calls=0) %}
{%- if messages and messages[0].role == 'system' %}
    {%- set state.system = messages[0].content | trim %}
    {%- set messages = messages[1:] %}
{%- endif %}
{%- if tools is not none and tools | length > 0 %}
<|system|>
{%- if state.system %}{{ '\\n' + state.system }}{% endif %}
{%- for tool in tools %}

{{ describe(tool, level=2) }}
{{ tool | tojson }}
{{ tool.function.parameters | tojson(indent=2) }}
{%- endfor %}<|end|>
{%- elif state.system is string %}
<|system|>{{ state.system }}<|end|>
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}
    {%- if loop.previtem is not defined or loop.previtem.role != 'tool' %}
<|tool|>
    {%- endif %}
[{{ message.name | default('unnamed') }}] {{ message.content }}
    {%- if loop.last or loop.nextitem.role != 'tool' %}<|end|>{% endif %}
{%- elif message.tool_calls is defined and message.tool_calls %}
    {%- for call in message.tool_calls %}
        {%- set state.calls = state.calls + 1 %}
<|call|>{{ state.calls }} {{ call.function.name }}({% for key, value in call.function.arguments.items() %}{{ key }}={{ value | tojson }}{% if not loop.last %}, {% endif %}{% endfor %})
    {%- endfor %}<|end|>
{%- else %}
<|{{ message.role }}|>{{ message.content }}<|end|>
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|assistant|>{% endif %}
""",
    "thinking": """\
{%- set ns = namespace(last=-1, stop=false) -%}
{%- for m in messages if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endfor -%}
{%- for m in messages -%}
    {%- if ns.stop -%}{%- break -%}{%- endif -%}
    {%- if m.content is none -%}{%- continue -%}{%- endif -%}
    {%- set content = m.content -%}
    {%- if m.role == 'assistant' and '</think>' in content -%}
        {%- set thought = content.split('</think>')[0].split('<think>')[-1].lstrip('\\n') -%}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') -%}
        {%- if loop.last -%}{%- set content = '<think>' ~ thought ~ '</think>' ~ content -%}{%- endif -%}
    {%- elif m.reasoning_content is defined and enable_thinking is defined and enable_thinking -%}
        {%- set content = '(' ~ m.reasoning_content | replace('a', 'A') ~ ') ' ~ content -%}
    {%- endif -%}
    {{ '<' + m.role[0] | upper + m.role[1:] + '>' + content + '\\n' }}
    {%- set ns.stop = content.startswith('STOP') or content.endswith('STOP') -%}
{%- endfor -%}
{{- ns.last }} {{ messages | map(attribute='role') | list | join('>') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }}
{%- if add_generation_prompt and not (enable_thinking | default(true)) %} <think></think>{% endif %}
{% set block %}
{{ [1, 2.5, true, none, 'x"y', {'a': [1]}] | tojson }}
{% endset %}{{ block | trim }} {{ range(3) | list }} {{ 7 // 2 }} {{ 7 % 3 }} {{ 'é✓' | length }} {{ messages[-1].role }}
""",
}

TOOL = {
    "type": "function",
    "function": {
        "name": "load_line",
        "description": "How deep a ship may lie — é, 船, \"quotes\" & <tags>",
        "parameters": {
            "type": "object",
            "properties": {"ship": {"type": "string"}, "season": {"type": "string", "enum": ["summer", "winter"]}},
            "required": ["ship"],
        },
    },
}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"type": "function", "function": {"name": "load_line", "arguments": {"ship": "Ägir 号", "depth": 2.5}}},
        {"type": "function", "function": {"name": "load_line", "arguments": {}}},
    ],
}
SYSTEM = {"role": "system", "content": " Be brief. "}
USER = {"role": "user", "content": "How deep?\n\n  <|im_end|> 船 👩‍👩‍👧"}
ANSWER = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nTwo metres. "}
RESULTS = [{"role": "tool", "name": "load_line", "content": "2.5"}, {"role": "tool", "content": "3"}]

CASES = [
    {"messages": [USER]},
    {"messages": [SYSTEM, USER], "add_generation_prompt": False},
    {"messages": [SYSTEM, USER, ANSWER, USER]},
    {"messages": [USER, ANSWER], "add_generation_prompt": False},
    {"messages": [USER, USER]},
    {"messages": [USER, CALL, *RESULTS, ANSWER], "tools": [TOOL]},
    {"messages": [USER, {"role": "assistant", "content": "STOP", "reasoning_content": "a cat"}, USER], "enable_thinking": True},
    {"messages": [SYSTEM, USER], "tools": [TOOL, TOOL], "enable_thinking": False},
]


def render(template, case):
    extra = {key: value for key, value in case.items() if key not in ("messages", "tools", "add_generation_prompt")}
    try:
        rendered, _ = render_jinja_template(
            conversations=[case["messages"]],
            tools=case.get("tools"),
            chat_template=template,
            add_generation_prompt=case.get("add_generation_prompt", True),
            **TOKENS,
            **extra,
        )
        return {"text": rendered[0]}
    except (TemplateError, TypeError, AttributeError) as error:
        return {"error": type(error).__name__, "message": str(error)}


fixture = {
    "tokens": TOKENS,
    "cases": CASES,
    "templates": [
        {"name": name, "template": template, "rendered": [render(template, case) for case in CASES]}
        for name, template in TEMPLATES.items()
    ],
}
TARGET.write_text(json.dumps(fixture, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
