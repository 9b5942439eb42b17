//! Values of every kind come back as they went in.

use crate::engines::Engine;
use crate::fixture::{Do, id, one};
use storage::{Applied, FromValue, Query, Rows, Statement, Step, StorageError, params};

on_every_engine![texts_bytes_and_integers_survive, a_text_with_a_nul_is_kept_or_refused];

struct Everything(u64);

impl Query for Everything {
    type Output = Option<(Vec<u8>, String, String, i64)>;
    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT user_id, client_id, scope, updated_at FROM consents WHERE user_id = ? AND client_id = ?",
            params![id(self.0), "naïve 日本語 🚪"],
        )
    }
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
    }
}

fn insert(number: u64, text: &str, int: i64) -> Step {
    one(
        "INSERT INTO consents (user_id, client_id, scope, claims, updated_at) VALUES (?, ?, ?, ?, ?)",
        params![id(number), "naïve 日本語 🚪", text, "{}", int],
    )
}

async fn texts_bytes_and_integers_survive(engine: Engine) {
    let site = engine.open().await;
    let texts = [
        String::new(),
        "naïve 日本語 🚪".to_owned(),
        "a\\b\"c\n\t%_".to_owned(),
        "x".repeat(3_000_000),
        "'; DROP TABLE users --".to_owned(),
    ];
    let ints = [0, 1, -1, i64::MAX, i64::MIN];
    for (number, (text, int)) in texts.iter().zip(ints).enumerate() {
        let number = number as u64;
        assert_eq!(site.store.write(Do(vec![insert(number, text, int)])).await.unwrap(), Applied::Done);
        let read = site.store.read(Everything(number)).await.unwrap().unwrap();
        assert_eq!((read.0, read.2, read.3), (id(number).as_bytes().to_vec(), text.clone(), int));
    }
}

async fn a_text_with_a_nul_is_kept_or_refused(engine: Engine) {
    let site = engine.open().await;
    match site.store.write(Do(vec![insert(1, "a\0b", 1)])).await {
        Ok(_) => assert_eq!(site.store.read(Everything(1)).await.unwrap().unwrap().2, "a\0b"),
        Err(error) => {
            assert!(matches!(error, StorageError::Statement(_)), "{error:?}");
            assert_eq!(site.store.read(Everything(1)).await.unwrap(), None);
        }
    }
}

#[test]
fn a_value_never_shows_its_content() {
    let shown = format!("{:?}", params!["secret", vec![1_u8, 2, 3], 42_i64, None::<String>]);
    assert_eq!(shown, "[Text(6 bytes), Bytes(3), Int, Null]");
    assert!(String::from_value(storage::ValueRef::Int(1)).is_err());
}
