//! A CPU profile as `go tool pprof` reads it (https://github.com/google/pprof/blob/main/proto/profile.proto). Knows no signal and no stack
//! walker.

use crate::clock;
use crate::protobuf::Message;
use pprof::Symbol;
use std::collections::HashMap;
use std::time::Duration;

/// A stack that was seen.
pub(super) struct Sample<'a> {
    pub(super) thread: String,
    /// The innermost call first; each with the functions that were inlined there, again the innermost first.
    pub(super) frames: &'a [Vec<Symbol>],
    /// How often.
    pub(super) count: u64,
}

/// Numbers what is referred to by its number, from 1; nothing is 0.
#[derive(Default)]
struct Table<'a, K> {
    numbers: HashMap<K, u64>,
    in_order: Vec<&'a Symbol>,
}

#[derive(Default)]
struct Profile<'a> {
    strings: Vec<String>,
    string_numbers: HashMap<String, u64>,
    functions: Table<'a, (&'a [u8], String)>,
    locations: HashMap<Vec<(u64, u32)>, u64>,
    message: Message,
}

/// The profile of samples that were taken so often a second of CPU time, for so long.
pub(super) fn encode(samples: &[Sample<'_>], frequency: i32, duration: Duration) -> Vec<u8> {
    let nanos = 1_000_000_000 / u64::from(frequency.unsigned_abs().max(1));
    let mut profile = Profile::default();
    // Number 0 is the empty string.
    profile.string("");
    for (kind, unit) in [("samples", "count"), ("cpu", "nanoseconds")] {
        let (kind, unit) = (profile.string(kind), profile.string(unit));
        profile.message.message(1, |value| {
            value.number(1, kind).number(2, unit);
        });
    }
    for sample in samples {
        profile.sample(sample, nanos);
    }
    profile.finish(nanos, duration)
}

impl<'a> Profile<'a> {
    fn string(&mut self, text: &str) -> u64 {
        if let Some(number) = self.string_numbers.get(text) {
            return *number;
        }
        let number = self.strings.len() as u64;
        self.strings.push(text.to_owned());
        self.string_numbers.insert(text.to_owned(), number);
        number
    }

    fn function(&mut self, symbol: &'a Symbol) -> u64 {
        let next = self.functions.in_order.len() as u64 + 1;
        let key = (symbol.raw_name(), symbol.filename().into_owned());
        let number = *self.functions.numbers.entry(key).or_insert(next);
        if number == next {
            self.functions.in_order.push(symbol);
        }
        number
    }

    /// One place in the program; what was inlined there are several lines of one location.
    fn location(&mut self, frame: &'a [Symbol]) -> u64 {
        let lines: Vec<(u64, u32)> =
            frame.iter().map(|symbol| (self.function(symbol), symbol.lineno())).collect();
        let next = self.locations.len() as u64 + 1;
        let number = *self.locations.entry(lines.clone()).or_insert(next);
        if number == next {
            self.message.message(4, |location| {
                location.number(1, number);
                for (function, line) in lines {
                    location.message(4, |message| {
                        message.number(1, function).number(2, line.into());
                    });
                }
            });
        }
        number
    }

    fn sample(&mut self, sample: &Sample<'a>, nanos: u64) {
        let locations: Vec<u64> = sample.frames.iter().map(|frame| self.location(frame)).collect();
        let (key, thread) = (self.string("thread"), self.string(&sample.thread));
        self.message.message(2, |message| {
            for location in locations {
                message.number(1, location);
            }
            message.number(2, sample.count).number(2, sample.count * nanos);
            message.message(3, |label| {
                label.number(1, key).number(2, thread);
            });
        });
    }

    fn finish(mut self, nanos: u64, duration: Duration) -> Vec<u8> {
        for (number, symbol) in (1_u64..).zip(std::mem::take(&mut self.functions.in_order)) {
            let name = self.string(&symbol.name());
            let system_name = self.string(&symbol.sys_name());
            let file = self.string(&symbol.filename());
            self.message.message(5, |function| {
                function.number(1, number).number(2, name).number(3, system_name).number(4, file);
            });
        }
        let (kind, unit) = (self.string("cpu"), self.string("nanoseconds"));
        for text in &self.strings {
            self.message.bytes(6, text);
        }
        let end = clock::now().millis().unsigned_abs() * 1_000_000;
        let took = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.message.number(9, end.saturating_sub(took)).number(10, took);
        self.message.message(11, |period| {
            period.number(1, kind).number(2, unit);
        });
        self.message.number(12, nanos);
        self.message.finish()
    }
}
