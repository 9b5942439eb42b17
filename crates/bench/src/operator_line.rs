//! What an operator's command line asks of a running server: a line of JSON over a Unix socket, a line back. It owns the two questions that are asked,
//! in the words of the wire.

use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// The socket of a running server.
#[derive(Clone, Debug)]
pub(crate) struct OperatorLine {
    socket: PathBuf,
    time_out: Duration,
}

/// A question, and how the right answer begins.
const QUESTIONS: [(&str, &str); 2] = [
    ("{\"list_users\":{\"after\":null,\"limit\":20}}\n", "{\"Ok\":{\"users\":["),
    ("{\"list_clients\":{\"after\":null,\"limit\":20}}\n", "{\"Ok\":{\"clients\":["),
];

impl OperatorLine {
    pub(crate) fn new(socket: PathBuf, time_out: Duration) -> Self {
        Self { socket, time_out }
    }

    /// Asks one question or the other.
    pub(crate) async fn ask(&self, number: usize) -> Result<(), String> {
        let (question, beginning) = QUESTIONS[number % QUESTIONS.len()];
        let answer = tokio::time::timeout(self.time_out, self.exchange(question)).await;
        let answer = answer.map_err(|_| format!("no answer within {:?}", self.time_out))?;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.starts_with(beginning) { Ok(()) } else { Err("another answer than expected".to_owned()) }
    }

    async fn exchange(&self, question: &str) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        stream.write_all(question.as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await?;
        Ok(answer)
    }
}
