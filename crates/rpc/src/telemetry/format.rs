//! The formats of log lines.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer, time::FormatTime},
    registry::LookupSpan,
};

use crate::current;

/// One JSON object a line; fields keep their dotted names.
pub(super) struct Json;

/// For people.
pub(super) struct Human;

/// The time of a log line, RFC 3339 with microseconds.
fn now() -> String {
    let mut text = String::new();
    // Log lines carry the machine's time, not the injected clock's: nothing is decided by them.
    let _ = tracing_subscriber::fmt::time::SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        line.insert("time".to_owned(), now().into());
        line.insert(
            "level".to_owned(),
            event.metadata().level().as_str().to_lowercase().into(),
        );
        line.insert("target".to_owned(), event.metadata().target().into());
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            let extensions = span.extensions();
            if let Some(fields) = extensions.get::<FormattedFields<N>>()
                && let Ok(Value::Object(fields)) = serde_json::from_str(fields)
            {
                line.extend(fields.into_iter().filter(|(name, _)| !name.starts_with("otel.")));
            }
        }
        if let Some(call) = current::get() {
            line.insert("request.id".to_owned(), call.request_id.as_str().into());
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        line.extend(fields.0);
        writeln!(out, "{}", Value::Object(line))
    }
}

impl<'a> FormatFields<'a> for Json {
    fn format_fields<R: RecordFields>(&self, mut out: Writer<'a>, fields: R) -> fmt::Result {
        let mut map = Fields::default();
        fields.record(&mut map);
        write!(out, "{}", Value::Object(map.0))
    }
    fn add_fields(
        &self,
        current: &'a mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        let mut map = match serde_json::from_str(&current.fields) {
            Ok(Value::Object(map)) => Fields(map),
            _ => Fields::default(),
        };
        fields.record(&mut map);
        current.fields = Value::Object(map.0).to_string();
        Ok(())
    }
}

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message");
        let mut line = format!("{} {:>5} ", now(), event.metadata().level());
        line.push_str(message.as_ref().and_then(Value::as_str).unwrap_or_default());
        for (name, value) in fields.0 {
            write!(line, " {name}={value}")?;
        }
        if let Some(call) = current::get() {
            write!(line, " request.id={}", call.request_id)?;
        }
        writeln!(out, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt};

    use super::*;
    use crate::{RequestId, current::Current};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;
        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
        fn json(&self) -> Value {
            let text = self.text();
            assert_eq!(text.lines().count(), 1, "{text}");
            serde_json::from_str(&text).unwrap()
        }
    }

    fn as_json(work: impl FnOnce()) -> Lines {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(lines.clone())
            .fmt_fields(Json)
            .event_format(Json);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        lines
    }

    fn in_call(work: impl FnOnce()) {
        let call = Current {
            request_id: RequestId::parse(b"req-7").unwrap(),
            deadline: None,
            parent: None,
            permit: None,
            received: Arc::default(),
            source: None,
        };
        crate::current::within(call, work);
    }

    #[test]
    fn a_line_is_one_json_object_with_dotted_fields_the_spans_and_the_request() {
        let lines = as_json(|| {
            in_call(|| {
                let late = tracing::field::Empty;
                let span = tracing::info_span!("outer", account.id = "acct_1", otel.kind = "server", late);
                span.record("late", 3);
                let _in = span.enter();
                tracing::warn!(duration_ms = 12, good = true, text = "a\nb \"c\"", "slow call");
            });
        });
        let line = lines.json();
        assert_eq!(line["message"], "slow call");
        assert_eq!(line["level"], "warn");
        assert_eq!(line["duration_ms"], 12);
        assert_eq!(line["good"], true);
        assert_eq!(line["text"], "a\nb \"c\"");
        assert_eq!(line["account.id"], "acct_1");
        assert_eq!(line["late"], 3);
        assert_eq!(line["request.id"], "req-7");
        assert!(line.get("otel.kind").is_none());
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_line_for_people_says_the_same_in_one_line() {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(lines.clone())
            .event_format(Human);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            in_call(|| tracing::info!(user.id = "user_1", "signed in"));
        });
        let text = lines.text();
        assert!(
            text.ends_with(" INFO signed in user.id=\"user_1\" request.id=req-7\n"),
            "{text}"
        );
    }

    #[test]
    fn an_internal_fault_is_logged_once_with_its_causes_and_others_are_not() {
        use bailiwick_types::{Code, Fault, Reason, Violations};

        #[derive(Debug, thiserror::Error)]
        #[error("row 7 is odd")]
        struct Odd(#[source] std::fmt::Error);
        impl Fault for Odd {
            fn code(&self) -> Code {
                Code::Internal
            }
            fn reason(&self) -> Reason {
                Reason::Internal
            }
        }
        let lines = as_json(|| {
            in_call(|| {
                let status = crate::status(&Odd(std::fmt::Error));
                assert!(!format!("{status:?}").contains("row 7"));
                let _ = crate::status(&Violations::of("a", "is odd"));
            });
        });
        let line = lines.json();
        assert_eq!(line["level"], "error");
        assert!(
            line["error"]
                .as_str()
                .unwrap()
                .starts_with("row 7 is odd: an error"),
            "{line}"
        );
        assert_eq!(line["request.id"], "req-7");
    }
}
