//! What an operator can look at while a server runs: threads, and profiles in a build that has them.

use crate::process::{Installation, Server, get};

fn operators(server: &Server) -> String {
    let (_, after) = server.printed.split_once("Metrics    http://").expect("the address of the metrics");
    after.split('/').next().expect("an address").to_owned()
}

#[test]
fn the_threads_of_a_server_are_listed_for_its_operator_only() {
    let installation = Installation::new();
    let server = installation.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let (status, threads) = get(&operators(&server), "/debug/threads");
    assert_eq!(status, 200);
    for name in ["storage-writer", "hash-0", "watchdog", "log"] {
        assert!(threads.lines().any(|line| line.contains(&format!(" {name} "))), "{name}: {threads}");
    }
    for path in ["/debug/threads", "/debug/pprof/heap"] {
        assert_eq!(get(&server.address, path).0, 404, "{path} is not for everybody");
    }
    server.stop();
    let unwatched = installation.serve(&["--metrics-listen", "127.0.0.1:0", "--stall-after", "0s"]);
    let (_, threads) = get(&operators(&unwatched), "/debug/threads");
    assert!(threads.contains("storage-writer") && !threads.contains("watchdog"), "{threads}");
    unwatched.stop();
}

#[cfg(not(feature = "profiling"))]
#[test]
fn a_build_without_a_profiler_says_how_to_get_one() {
    let installation = Installation::new();
    let server = installation.serve(&["--metrics-listen", "127.0.0.1:0"]);
    for path in ["/debug/pprof/profile?seconds=1", "/debug/pprof/heap"] {
        let (status, why) = get(&operators(&server), path);
        assert!(status == 404 && why.contains("--features profiling"), "{status} {why}");
    }
    server.stop();
}

#[cfg(feature = "profiling")]
mod profiled {
    use super::*;
    use prost::Message;
    use std::collections::BTreeMap;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// profile.proto, as far as it is looked at.
    #[derive(Clone, PartialEq, Message)]
    struct Profile {
        #[prost(message, repeated, tag = "1")]
        sample_type: Vec<ValueType>,
        #[prost(message, repeated, tag = "2")]
        sample: Vec<Sample>,
        #[prost(message, repeated, tag = "4")]
        location: Vec<Location>,
        #[prost(message, repeated, tag = "5")]
        function: Vec<Function>,
        #[prost(string, repeated, tag = "6")]
        string_table: Vec<String>,
        #[prost(int64, tag = "7")]
        drop_frames: i64,
        #[prost(int64, tag = "10")]
        duration_nanos: i64,
        #[prost(message, optional, tag = "11")]
        period_type: Option<ValueType>,
        #[prost(int64, tag = "12")]
        period: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    struct ValueType {
        #[prost(int64, tag = "1")]
        kind: i64,
        #[prost(int64, tag = "2")]
        unit: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Sample {
        #[prost(uint64, repeated, tag = "1")]
        location_id: Vec<u64>,
        #[prost(int64, repeated, tag = "2")]
        value: Vec<i64>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Location {
        #[prost(uint64, tag = "1")]
        id: u64,
        #[prost(message, repeated, tag = "4")]
        line: Vec<Line>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Line {
        #[prost(uint64, tag = "1")]
        function_id: u64,
        #[prost(int64, tag = "2")]
        line: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Function {
        #[prost(uint64, tag = "1")]
        id: u64,
        #[prost(int64, tag = "2")]
        name: i64,
        #[prost(int64, tag = "4")]
        filename: i64,
    }

    impl Profile {
        fn fetch(address: &str, path: &str) -> Self {
            let mut stream = TcpStream::connect(address).expect("it listens");
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .expect("it reads");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("an answer");
            let head = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..head]));
            if let Some(folder) = throwaway::variable("DOORWARD_KEEP_PROFILES") {
                let name = format!("{}.pb.gz", path.rsplit('/').next().unwrap().split('?').next().unwrap());
                std::fs::write(std::path::Path::new(&folder).join(name), &answer[head + 4..])
                    .expect("written");
            }
            let mut bytes = Vec::new();
            flate2::read::GzDecoder::new(&answer[head + 4..]).read_to_end(&mut bytes).expect("gzip");
            Self::decode(&bytes[..]).expect("a profile")
        }

        fn types(&self) -> Vec<(&str, &str)> {
            self.sample_type.iter().map(|kind| (self.text(kind.kind), self.text(kind.unit))).collect()
        }

        fn text(&self, number: i64) -> &str {
            &self.string_table[usize::try_from(number).expect("a place in the table")]
        }

        /// The last value of all samples, by each function on their stacks. Every reference must lead somewhere.
        fn by_function(&self) -> BTreeMap<&str, i64> {
            let functions: BTreeMap<u64, &Function> = self.function.iter().map(|f| (f.id, f)).collect();
            let locations: BTreeMap<u64, &Location> = self.location.iter().map(|l| (l.id, l)).collect();
            assert_eq!((functions.len(), locations.len()), (self.function.len(), self.location.len()));
            let mut totals = BTreeMap::new();
            for sample in &self.sample {
                assert_eq!(sample.value.len(), self.sample_type.len());
                for location in &sample.location_id {
                    for line in &locations[location].line {
                        *totals.entry(self.text(functions[&line.function_id].name)).or_default() +=
                            sample.value.last().expect("a value");
                    }
                }
            }
            totals
        }
    }

    /// The innermost functions.
    fn innermost(profile: &Profile) -> Vec<&str> {
        let functions: BTreeMap<u64, &Function> = profile.function.iter().map(|f| (f.id, f)).collect();
        let locations: BTreeMap<u64, &Location> = profile.location.iter().map(|l| (l.id, l)).collect();
        let first = |sample: &Sample| {
            locations[sample.location_id.first()?].line.first().map(|line| line.function_id)
        };
        let file = |id: u64| profile.text(functions[&id].filename);
        profile.sample.iter().filter_map(first).map(file).collect()
    }

    #[test]
    fn profiles_name_the_functions_that_ran_and_that_allocated() {
        let installation = Installation::new();
        let server = installation.serve(&["--metrics-listen", "127.0.0.1:0", "--limits-enabled", "off"]);
        let operators = operators(&server);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        get(&server.address, "/.well-known/openid-configuration");
                    }
                });
            }
            let cpu = Profile::fetch(&operators, "/debug/pprof/profile?seconds=3");
            done.store(true, Ordering::Relaxed);
            assert_eq!(cpu.types(), [("samples", "count"), ("cpu", "nanoseconds")]);
            assert_eq!((cpu.string_table[0].as_str(), cpu.period), ("", 10_101_010));
            assert!(cpu.duration_nanos >= 3_000_000_000);
            let functions = cpu.by_function();
            let spent: i64 = cpu.sample.iter().map(|sample| sample.value[1]).sum();
            assert!(spent > 100_000_000, "two clients kept it busy: {spent}");
            assert!(functions.keys().any(|name| name.contains("block_on")), "{functions:?}");
            let files = innermost(&cpu);
            assert!(
                files.len() > 20
                    && files.iter().all(|file| !file.contains("/pprof-") && !file.contains("/backtrace-"))
            );
        });

        let heap = Profile::fetch(&operators, "/debug/pprof/heap");
        assert_eq!(heap.types(), [("inuse_space", "bytes")]);
        assert!(heap.text(heap.drop_frames).starts_with("prof_backtrace_impl|"));
        let functions = heap.by_function();
        assert!(functions.keys().any(|name| name.contains("doorward::")), "{functions:?}");
        assert!(heap.sample.iter().map(|sample| sample.value[0]).sum::<i64>() > 500_000);
        server.stop();
    }
}
