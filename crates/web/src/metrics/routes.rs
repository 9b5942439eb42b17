//! Requests by route, method and status. A route takes memory when it is first asked for, and so does each of its answers.

use super::Tallies;
use crate::server::stalls::Doing;
use http::{Method, StatusCode};
use meter::{Histogram, Reading};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// So many pairs of method and status are told apart on one route; what is beyond them goes to the last.
const MOST_ANSWERS: usize = 24;
/// Methods that have a name here; a client may make up others.
const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS, Method::PUT, Method::PATCH, Method::DELETE];

/// Every route.
#[derive(Default)]
pub(crate) struct Routes(Mutex<Vec<Arc<Route>>>);

/// One route.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) doing: Doing,
    pub(crate) tallies: Arc<Tallies>,
    answers: OnceLock<Box<[OnceLock<Box<Answer>>; MOST_ANSWERS]>>,
}

struct Answer {
    key: Key,
    times: Histogram,
}

/// A method's place in [`METHODS`] (or beyond), and a status; nothing for all that found no room.
type Key = Option<(usize, StatusCode)>;

/// How long the requests of one route, method and status took.
pub(crate) struct RouteReading {
    pub(crate) route: &'static str,
    pub(crate) method: String,
    pub(crate) status: String,
    pub(crate) times: Reading,
}

impl Routes {
    pub(crate) fn add(&self, name: &'static str, tallies: Arc<Tallies>) -> Arc<Route> {
        let doing = tallies.stalls.named(name);
        let route = Arc::new(Route { name, doing, tallies, answers: OnceLock::new() });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&route));
        route
    }

    pub(crate) fn read(&self) -> Vec<RouteReading> {
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        routes.iter().flat_map(|route| route.read()).collect()
    }
}

impl Route {
    /// A request with this method was answered with this status.
    pub(crate) fn record(&self, method: MethodPlace, status: StatusCode, took: Duration) {
        let answers = self.answers.get_or_init(|| Box::new([const { OnceLock::new() }; MOST_ANSWERS]));
        let key = Some((method.0, status));
        for (place, answer) in answers.iter().enumerate() {
            // Whoever comes first gets the place; who wanted it for another answer goes on.
            let answer = answer.get_or_init(|| {
                let key = if place + 1 == MOST_ANSWERS { None } else { key };
                Box::new(Answer { key, times: Histogram::of_durations() })
            });
            if answer.key == key || answer.key.is_none() {
                return answer.times.record(took);
            }
        }
    }

    fn read(&self) -> Vec<RouteReading> {
        let answers = self.answers.get().into_iter().flat_map(|answers| answers.iter());
        answers
            .filter_map(OnceLock::get)
            .map(|answer| {
                let (method, status) = answer.key.unzip();
                let method = method.and_then(|place| METHODS.get(place)).map_or("other", Method::as_str);
                RouteReading {
                    route: self.name,
                    method: method.to_owned(),
                    status: status.map_or("other".to_owned(), |status| status.as_str().to_owned()),
                    times: answer.times.read(),
                }
            })
            .collect()
    }
}

/// A method, as a place in [`METHODS`].
#[derive(Clone, Copy)]
pub(crate) struct MethodPlace(usize);

impl MethodPlace {
    /// As it is written; of one that a client made up, only that it is another.
    pub(crate) fn name(self) -> &'static str {
        METHODS.get(self.0).map_or("other", Method::as_str)
    }
}

impl From<&Method> for MethodPlace {
    fn from(method: &Method) -> Self {
        Self(METHODS.iter().position(|known| known == method).unwrap_or(METHODS.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_up_to_a_bound_and_none_is_lost() {
        let routes = Routes::default();
        let route = routes.add("/somewhere", Arc::default());
        assert_eq!(routes.read().len(), 0, "nobody asked yet");
        let took = Duration::from_millis(3);
        for code in 200..240 {
            let status = StatusCode::from_u16(code).expect("a status");
            for method in [Method::GET, Method::from_bytes(b"BREW").expect("a method")] {
                route.record(MethodPlace::from(&method), status, took);
            }
        }
        let read = routes.read();
        let labels: Vec<(&str, &str)> =
            read.iter().map(|read| (read.method.as_str(), read.status.as_str())).collect();
        assert_eq!((labels[0], labels[1], labels.len()), (("GET", "200"), ("other", "200"), MOST_ANSWERS));
        assert_eq!(labels.last(), Some(&("other", "other")));
        assert_eq!(read.iter().map(|read| read.times.count()).sum::<u64>(), 80);
        assert_eq!(read.iter().map(|read| read.times.time()).sum::<Duration>(), 80 * took);
    }
}
