//! The description of the interface (OpenAPI 3.1), made from the routes, the library's fields and its settings; and a page
//! that shows it.

use super::{App, documented};
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use evscale_core::Config;
use evscale_core::metrics::Field;
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa_swagger_ui::SwaggerUi;

use crate::security::Role;

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "evscale-server",
    description = "Forecasts the arrivals of pools of jobs, and decides how many jobs each should have, and why."
))]
struct Base;

/// Returns the whole description.
pub fn document() -> Value {
    let mut all = Base::openapi();
    for (role, routes) in documented() {
        let (_, mut part) = routes.split_for_parts();
        if role != Role::None {
            secure(&mut part);
        }
        all.merge(part);
    }
    let components = all.components.get_or_insert_default();
    components
        .add_security_scheme("key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    let mut document = serde_json::to_value(&all).unwrap_or_default();
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.extend(library());
    }
    let operations =
        document.pointer_mut("/paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    for operation in operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        if let Some(responses) = operation.pointer_mut("/responses").and_then(Value::as_object_mut) {
            let schema = json!({"schema": {"$ref": "#/components/schemas/ProblemBody"}});
            let other = json!({"description": "what is refused", "content": {"application/json": schema}});
            responses.entry("default").or_insert(other);
        }
        let parameters = operation.pointer_mut("/parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten().filter(|parameter| parameter["name"] == "pool") {
            parameter["schema"]["pattern"] = "^[A-Za-z0-9._-]{1,100}$".into();
        }
    }
    document
}

fn secure(part: &mut OpenApi) {
    let ways = || {
        ["key", "token"]
            .map(|way| SecurityRequirement::new::<_, [&str; 0], &str>(way, []))
            .into_iter()
            .collect()
    };
    for item in part.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten();
        operations.for_each(|operation| operation.security = Some(ways()));
    }
}

/// Schemas of what the library takes and answers.
fn library() -> Map<String, Value> {
    let mut record: Map<String, Value> =
        evscale_core::Metrics::FIELDS.iter().map(|field| (field.name.to_owned(), of_field(field))).collect();
    record.insert("classes".to_owned(), of_classes());
    let required: Vec<&str> = ["timestamp"].into();
    let mut settings = Map::new();
    for setting in Config::settings() {
        let mut schema = match setting.name {
            "classes" | "schedule" => json!({"type": "array", "items": {"type": "object"}}),
            "job_counts" => json!({"type": "array", "items": {"type": "integer"}}),
            _ => of_default(&setting.default),
        };
        schema["description"] = setting.description.into();
        if !setting.default.is_null() {
            schema["default"] = setting.default;
        }
        settings.insert(setting.name.to_owned(), schema);
    }
    let time = json!({"type": "string", "format": "date-time"});
    let count = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
    let one_of = |name: &str| json!({"type": "object", "properties": {name: count}, "required": [name], "additionalProperties": false});
    let schemas = json!({
        "MetricsRecord": {
            "type": "object",
            "description": "One record per interval. The fields may be in `metrics` beside the `timestamp`, too.",
            "properties": record,
            "required": required,
        },
        "PoolSettings": {"type": "object", "description": "Settings of the library; absent ones have their default.", "properties": settings, "additionalProperties": false},
        "ScalingOutcome": {
            "type": "object",
            "properties": {
                "timestamp": time, "started": count, "ready": count, "refused": count, "drained": count,
                "startup_seconds": {"type": ["number", "null"]},
            },
            "required": ["timestamp"],
            "additionalProperties": false,
        },
        "ManualOrder": {
            "type": "object",
            "properties": {
                "order": {"oneOf": [one_of("fixed"), one_of("cap"), one_of("floor")]},
                "until": time,
                "from": {"type": ["string", "null"], "format": "date-time"},
            },
            "required": ["order", "until"],
            "additionalProperties": false,
        },
        "Announcement": {
            "type": "object",
            "properties": {
                "start": time,
                "end": time,
                "what": {"oneOf": [
                    {"type": "object", "properties": {"multiplier": {"type": "number"}}, "required": ["multiplier"], "additionalProperties": false},
                    {"type": "object", "properties": {"events": {"type": "number"}}, "required": ["events"], "additionalProperties": false},
                    one_of("min_jobs"),
                ]},
            },
            "required": ["start", "end", "what"],
            "additionalProperties": false,
        },
        "Due": {
            "type": "object",
            "properties": {
                "now": time,
                "due": {"type": "array", "maxItems": 256, "items": {
                    "type": "object",
                    "properties": {"at": time, "events": {"type": "number", "minimum": 0}},
                    "required": ["at", "events"],
                    "additionalProperties": false,
                }},
            },
            "required": ["now", "due"],
            "additionalProperties": false,
        },
        "Answer": {
            "type": "object",
            "properties": {
                "announcement": {"type": "integer"},
                "pool": {"type": "string"},
                "seq": {"type": "integer"},
                "observation": {"type": "object"},
                "taken": {"type": "integer"},
                "changes": {"type": "array", "items": {"type": "object"}},
                "decision": {"$ref": "#/components/schemas/Decision"},
            },
            "required": ["pool", "seq"],
        },
        "Forecast": {
            "type": "object",
            "properties": {
                "at": time,
                "horizons": {"type": "object", "additionalProperties": {"type": "object"}},
                "anomaly_score": {"type": "number"},
                "model_confidence": {"type": "number"},
            },
            "required": ["at", "horizons", "anomaly_score", "model_confidence"],
        },
        "Decision": {
            "type": "object",
            "properties": {
                "recommended_jobs": {"type": ["integer", "null"]}, "current_jobs": {"type": ["integer", "null"]}, "change": {"type": ["integer", "null"]},
                "confidence": {"type": "number"}, "reasoning": {"type": "object"}, "action": {"type": "string"},
                "graceful": {"type": "boolean"}, "source": {"type": "string"}, "explanation": {"type": "string"},
                "decided_at": time, "valid_until": time,
            },
            "required": ["recommended_jobs", "current_jobs", "action", "explanation", "decided_at", "valid_until"],
        },
        "Health": {
            "type": "object",
            "properties": {"status": {"type": "string"}, "causes": {"type": "array", "items": {"type": "string"}}},
            "required": ["status", "causes"],
        },
    });
    match schemas {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}

fn of_field(field: &Field) -> Value {
    let kind = match (field.name, field.range, field.required) {
        ("timestamp", ..) => json!({"type": ["string", "integer"], "format": "date-time"}),
        (_, Some(_), _) | (_, None, true) => json!({"type": ["number", "null"]}),
        _ => json!({"type": ["boolean", "null"]}),
    };
    let mut schema = kind;
    schema["description"] = field.description.into();
    schema
}

/// Counts by class of events.
fn of_classes() -> Value {
    let count = json!({"type": ["number", "null"]});
    let counts: Map<String, Value> =
        evscale_core::ClassCounts::FIELDS.iter().map(|name| ((*name).to_owned(), count.clone())).collect();
    json!({
        "type": "object",
        "description": "Counts of each class of events by its name, where the pool has `classes`.",
        "additionalProperties": {"type": "object", "properties": counts, "additionalProperties": false},
    })
}

fn of_default(default: &Value) -> Value {
    match default {
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_u64() => json!({"type": "integer"}),
        Value::Number(_) => json!({"type": "number"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(_) => json!({"type": "array", "items": {"type": "string"}}),
        _ => json!({}),
    }
}

/// Returns `/openapi.json` and the page `/docs`, whose files are in the binary.
pub(super) fn routes() -> Router<App> {
    let written = Bytes::from(document().to_string());
    let described = move || async move { ([(header::CONTENT_TYPE, "application/json")], written) };
    let shown = SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::from("/openapi.json"));
    Router::new().route("/openapi.json", get(described)).merge(shown)
}
