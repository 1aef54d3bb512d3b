"""Writes a C program that makes random calls of every function in include/evscale.h, in every order.

Each status must be one that docs/c-reference.md names for its function, and none says that the library failed inside. Every few
thousand calls the process forks, and the child goes on with all handles. A parameter of a kind that is not known here is an error:
new functions are called too, or this file is extended.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import reference

HANDLES = ("autoscaler", "fleet", "forecaster", "meter", "bundle", "result")
#: Parameters by name, where the name says more than the type.
NAMED = {
    "config_json": "a_config()",
    "key": "a_key()",
    "alert": 'TEXT("blind", "deaf", "", NULL, "\\xff")',
    "name": 'TEXT("jobs", "accuracy", "manifest.json", "policy.onnx", "nonsense", NULL)',
    "options_json": 'TEXT(NULL, "{}", "{\\"baselines\\": true}", "{\\"seed\\": -1}", "[]", '
                    '"{\\"classes\\": {\\"alerts\\": [1, null, 2], \\"exports\\": [1, 1, 1]}}", '
                    '"{\\"due\\": [{\\"at\\": 1767600000000, \\"events\\": 5}]}")',
    "like_json": 'TEXT("[\\"a\\"]", "[\\"a\\", \\"b\\"]", "[\\"z\\"]", "[]", "{}", "[1]", "", NULL)',
    "budget_json": 'TEXT(NULL, "{\\"jobs\\": 20}", "{\\"cost_per_hour\\": 5.5}", "{\\"jobs\\": -1}", "{}", "[1]", "")',
    "reason": 'TEXT(NULL, "because", "", "\\xff")',
    "outcome_json": 'TEXT("{\\"timestamp\\": 1767600000000, \\"ready\\": 1, \\"startup_seconds\\": 60}", "{}", "[1]", "", NULL, "{\\"timestamp\\": 1e300}")',
    "path": "TEXT(saved_to, NULL, \"/nowhere/at/all\")",
    "pool": 'TEXT("orders", "", "a\\"b\\\\", NULL)',
    "record_json": 'TEXT("{\\"timestamp\\": 1767600000000, \\"logged_events_count\\": 5, \\"current_job_count\\": 8}", "{}", "[1, 2, 3]", "nul", NULL)',
    "source": 'TEXT(NULL, "broker", "", "\\xff")',
    "forecast": "one_in(9) ? NULL : forecast_own",
    "progress": "one_in(3) ? NULL : progress_own",
    "each": "one_in(9) ? NULL : each_own",
    "callback": "one_in(3) ? NULL : log_own",
    "release": "release_own",
    "interval_seconds": "one_in(3) ? a_count() : 120",
    "use_network": "one_in(9) ? a_code() : 0",
}
TYPED = {
    "double": "a_number()", "int64_t": "a_time()", "int32_t": "a_code()", "uint32_t": "a_count()", "uint64_t": "below(1000)",
    "uint32_t *": "one_in(4) ? NULL : guarded(4)", "int32_t *": "one_in(9) ? NULL : guarded(4)", "double *": "one_in(9) ? NULL : guarded(8)",
    "size_t *": "one_in(9) ? NULL : guarded(8)", "const uint8_t **": "one_in(9) ? NULL : guarded(8)",
}
#: Once in so many calls, because they take long.
SELDOM = {"evscale_backtest_new": 60, "evscale_bundle_load": 6, "evscale_bundle_load_signed": 60, "evscale_save": 30, "evscale_new": 3,
          "evscale_report_json": 3, "evscale_fleet_report_json": 3, "evscale_fleet_tick": 3}
#: Made by other calls, or by every call.
ELSEWHERE = {"evscale_error_code", "evscale_error_message", "evscale_error_free", "evscale_version_number"}


def parameters(code):
    inside = re.sub(r"\s+", " ", code[code.index("(") + 1:code.rindex(")")])
    for part in inside.split(", "):
        kind, stars, name = re.fullmatch(r"(.*?)(\**(?:const \*)?)(\w+)", part).groups()
        yield (kind.strip() + " " + stars).strip(), name


def drawn(name, kind, length):
    """What is prepared for a parameter, and the argument."""
    plain = kind.replace("const ", "").replace("struct ", "").replace("evscale_", "")
    if name in HANDLES and plain == {"result": "backtest *"}.get(name, f"{name} *"):
        return "", f"one_in(50) ? NULL : {name}s[slot]"
    if name == "policy" and "callback" in kind:
        return "", "one_in(9) ? NULL : propose_own"
    if name in ("manifest", "forecaster", "policy") and plain == "uint8_t *":
        suffix = "json" if name == "manifest" else "onnx"
        return f"size_t {name}_length = 0; const uint8_t *{name}_file = a_file(\"{name}.{suffix}\", &{name}_length);", f"{name}_file"
    if name in ("manifest_length", "forecaster_length", "policy_length", "minutes_count", "levels_count"):
        return "", name
    if name in NAMED:
        return "", NAMED[name]
    if (name, kind) == ("id", "uint32_t"):
        return "", "(uint32_t)below(6)"
    if name == "buffer":
        return "size_t capacity = one_in(4) ? (size_t)below(200) : one_in(2) ? 4096 : 65536;", f"one_in(20) ? NULL : ({kind})exact(capacity)"
    if name == "capacity":
        return ("", name) if length != "records" else ("size_t capacity = (size_t)below(4);", name)
    if name in ("minutes", "levels"):
        filled = "a_lead()" if name == "minutes" else "one_in(20) ? a_number() : (double)below(101) / 100"
        base = "uint32_t" if name == "minutes" else "double"
        return (f"size_t {name}_count = a_length(); {base} *{name} = guarded(really({name}_count) * sizeof *{name}); "
                f"for (size_t i = 0; i < really({name}_count); i++) {name}[i] = {filled};"), f"one_in(30) ? NULL : {name}"
    if name == "values":
        return "", "one_in(30) ? NULL : guarded(really(minutes_count) * really(levels_count) * 8)"
    if name == "due_ms":
        return "int64_t *due_ms = guarded(really(count) * 8); for (size_t i = 0; i < really(count); i++) due_ms[i] = a_time();", "due_ms"
    if name in ("counts", "events", "service_ms") and plain == "double *":
        first = "" if name == "service_ms" else "size_t count = a_length(); "
        return (f"{first}double *{name} = guarded(really(count) * 8); for (size_t i = 0; i < really(count); i++) {name}[i] = a_number();",
                f"one_in(9) ? NULL : {name}" if name == "service_ms" else name)
    if name == "keys":
        return ("size_t count = a_length(); const char **keys = guarded(really(count) * sizeof *keys); "
                "for (size_t i = 0; i < really(count); i++) keys[i] = kept_key();"), "one_in(30) ? NULL : keys"
    if name in ("records", "observations", "decisions"):
        base = f"struct evscale_{'metrics' if name == 'records' else name[:-1]}"
        count = "capacity" if length == "records" else "really(count)"
        before = f"{base} *{name} = structs({count}, sizeof *{name});"
        if length == "records":
            before = "size_t capacity = (size_t)below(4); " + before
        elif name == "records":
            before += " for (size_t i = 0; i < really(count); i++) fill(&records[i]);"
        return before, f"one_in(20) || {count} == 0 ? NULL : {name}"
    if name == "statuses":
        return "", "one_in(4) ? NULL : guarded(really(count) * 4)"
    if name == "count":
        return "", "count" if kind == "size_t" else TYPED["size_t *"]
    if name == "struct_size":
        return "", "struct_size"
    if name == "counts" and "class_counts" in kind:
        return ("size_t struct_size = a_struct_size(sizeof(struct evscale_class_counts)); "
                "void *room = guarded(struct_size > 65536 ? 8 : struct_size + 8);"), "room"
    if name in ("metrics", "observation", "decision", "totals"):
        right = f"sizeof(struct evscale_{name})"
        if length == "struct_size":
            return (f"size_t struct_size = a_struct_size({right}); void *room = guarded(struct_size > 65536 ? 8 : struct_size + 8);", "room")
        made = "a_record()" if name == "metrics" else f"a_struct({right})"
        return "", f"one_in(20) ? NULL : {made}"
    if name == "snapshot":
        return "size_t length = 0; const uint8_t *snapshot = a_snapshot(&length);", "snapshot"
    if name == "length":
        return "", "length" if kind == "size_t" else TYPED["size_t *"]
    if name in ("signature", "public_key"):
        return "", f"some_bytes({64 if name == 'signature' else 32})"
    if name == "threads":
        return "", "(size_t)below(3)"
    if name == "error":
        return "", "&error"
    if kind in TYPED:
        return "", TYPED[kind]
    raise SystemExit(f"{name} is a {kind}, of which tests/c/random_calls.py knows nothing")


def body(name, code):
    before, arguments, after = [], [], []
    names = [parameter for _, parameter in parameters(code)]
    for kind, parameter in parameters(code):
        handle = re.fullmatch(r"struct evscale_(\w+) \*\*", kind)
        if handle and parameter != "error":
            before.append(f"if ({parameter}s[slot] != NULL) return EVSCALE_OK;")
            arguments.append(f"one_in(50) ? NULL : &{parameter}s[slot]")
            continue
        length = "struct_size" if "struct_size" in names else "records" if {"records", "capacity"} <= set(names) else ""
        if parameter == "capacity" and length == "records":
            arguments.append("capacity")
            continue
        if parameter == "context":
            arguments.append("(given++, &released)" if "release" in names else "NULL")
            continue
        prepared, argument = drawn(parameter, kind, length)
        before.append(prepared)
        arguments.append(argument)
    call = f"{name}({', '.join(arguments)})"
    if name.endswith("_free"):
        slots = f"{names[0]}s[slot]"
        call = f"{name}({slots})"
        before.append("if (!one_in(40)) return EVSCALE_OK;")
        if code.startswith("void"):
            return before, [f"{call}; {slots} = NULL; return EVSCALE_OK;"]
        return before, [f"int32_t status = {call}; {slots} = NULL; return status;"]
    if name in SELDOM:
        before.insert(0, f"if (!one_in({SELDOM[name]})) return EVSCALE_OK;")
    return before, [f"return {call};"] + after


def program(text):
    functions = []
    for name, comment, code in reference.functions_of(text):
        if name not in ELSEWHERE and re.match(r"int32_t|void", code):
            functions.append((name, *body(name, code), reference.statuses(name, comment, code)))
    out = ["/* Made by tests/c/random_calls.py. */", '#include "random_calls.h"', ""]
    out += ["static uint32_t a_lead(void) { static const uint32_t leads[] = {2, 4, 12, 180, 7, 0}; return leads[below(6)]; }",
            'static const char *const keys[] = {"a", "b", "c", "a", "b", "z", "\\xff", NULL};',
            "static const char *kept_key(void) { return keys[below(one_in(9) ? 8 : 5)]; }", ""]
    for name, before, last, _ in functions:
        out += [f"static int32_t call_{name}(int slot, struct evscale_error **given_error) {{", "    struct evscale_error *error = NULL;",
                "    (void)slot; (void)given_error; (void)error;"]
        out += [f"    {line}" for line in before if line]
        out += [f"    {line}".replace("&error", "given_error") for line in last] + ["}", ""]
    out += ["static const struct { const char *name; int32_t (*call)(int, struct evscale_error **); int32_t statuses[18]; } calls[] = {"]
    for name, _, _, statuses in functions:
        allowed = [f"EVSCALE_{status}" for status in statuses if status not in ("PANIC", "POISONED")]
        out += [f'    {{"{name}", call_{name}, {{{", ".join(allowed) or "EVSCALE_OK"}}}}},']
    out += ["};", MAIN]
    return "\n".join(out) + "\n"


MAIN = r"""
#define FUNCTIONS (sizeof calls / sizeof calls[0])
static uint64_t made[FUNCTIONS], succeeded[FUNCTIONS];

/* Makes a call; its status must be one of those that are documented. */
static int one_call(void) {
    struct evscale_error *error = NULL;
    size_t which = below(FUNCTIONS), i;
    int32_t status;
    used = 0;
    status = calls[which].call((int)below(SLOTS), one_in(9) ? NULL : &error);
    made[which]++;
    succeeded[which] += status == EVSCALE_OK;
    for (i = 0; i < 18; i++) {
        if (calls[which].statuses[i] == status) break;
    }
    if (i == 18) {
        fprintf(stderr, "%s: undocumented status %d (%s)\n", calls[which].name, (int)status, evscale_error_message(error));
        return 1;
    }
    if (error != NULL && (evscale_error_code(error) != status || evscale_error_message(error)[0] == '\0')) {
        fprintf(stderr, "%s: status %d, error %d\n", calls[which].name, (int)status, (int)evscale_error_code(error));
        return 1;
    }
    evscale_error_free(error);
    return 0;
}

/* random_calls CALLS SEED FOLDER */
int main(int count, char **arguments) {
    static char path[4096];
    uint64_t done, all, forks = 0;
    size_t i;
    if (count != 4) return 2;
    all = strtoull(arguments[1], NULL, 10);
    state = strtoull(arguments[2], NULL, 10);
    snprintf(path, sizeof path, "%s/random.state", arguments[3]);
    saved_to = path;
    prepare();
    for (done = 0; done < all; done++) {
        if (one_call()) {
            fprintf(stderr, "call %llu of seed %s\n", (unsigned long long)done, arguments[2]);
            return 1;
        }
        if (done % 5000 == 4999) {
            int status = 1;
            pid_t child;
            fflush(NULL);
            child = fork();
            if (child == 0) {
                for (i = 0; i < 200; i++) {
                    if (one_call()) _exit(1);
                }
                _exit(0);
            }
            if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                fprintf(stderr, "the child of call %llu of seed %s ended with %d\n", (unsigned long long)done, arguments[2], status);
                return 1;
            }
            forks++;
        }
    }
    for (i = 0; i < SLOTS; i++) {
        evscale_free(autoscalers[i]);
        evscale_fleet_free(fleets[i]);
        evscale_forecaster_free(forecasters[i]);
        evscale_meter_free(meters[i]);
        evscale_bundle_free(bundles[i]);
        evscale_backtest_free(results[i]);
    }
    for (i = 0; i < FUNCTIONS; i++) {
        if (all >= 100000 && (made[i] == 0 || succeeded[i] == 0)) {
            fprintf(stderr, "%s never succeeded in %llu calls\n", calls[i].name, (unsigned long long)made[i]);
            return 1;
        }
    }
    if (released != given) {
        fprintf(stderr, "%d contexts given, %d released\n", given, released);
        return 1;
    }
    printf("%llu random calls of %zu functions, %llu forks\n", (unsigned long long)all, FUNCTIONS, (unsigned long long)forks);
    return 0;
}"""


if __name__ == "__main__":
    print(program(reference.HEADER.read_text()))
