//! Requests that follow each other on one connection without waiting. Knows only that the first poll of a request sends it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Polls every future once in order, then waits for all of them. The answers have the order of the futures.
pub(super) fn in_order<F: Future>(futures: impl IntoIterator<Item = F>) -> InOrder<F> {
    InOrder(futures.into_iter().map(|future| Entry::Waiting(Box::pin(future))).collect())
}

/// See [`in_order`].
pub(super) struct InOrder<F: Future>(Vec<Entry<F>>);

enum Entry<F: Future> {
    Waiting(Pin<Box<F>>),
    Answered(Option<F::Output>),
}

// Nothing here is pinned but what is in boxes.
impl<F: Future> Unpin for InOrder<F> {}

impl<F: Future> Future for InOrder<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waits = false;
        for entry in &mut self.0 {
            if let Entry::Waiting(future) = entry {
                match future.as_mut().poll(cx) {
                    Poll::Ready(answer) => *entry = Entry::Answered(Some(answer)),
                    Poll::Pending => waits = true,
                }
            }
        }
        if waits {
            return Poll::Pending;
        }
        let answers = self.0.iter_mut().filter_map(|entry| match entry {
            Entry::Answered(answer) => answer.take(),
            Entry::Waiting(_) => None,
        });
        Poll::Ready(answers.collect())
    }
}
