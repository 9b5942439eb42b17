//! Values of every kind come back as they went in.

use crate::fixture::{Do, House, id, one};
use protocol::SecretHash;
use storage::{Applied, FromValue, Query, Rows, Statement, StorageError, params};

struct Everything(u64);

impl Query for Everything {
    type Output = Option<([u8; 32], String, i64, i64, Option<i64>)>;
    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT secret_hash, purpose, created_at, expires_at, spent_at FROM one_time_links WHERE id = ?",
            params![id(self.0)],
        )
    }
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
    }
}

#[tokio::test]
async fn texts_bytes_and_integers_survive() {
    let house = House::new().await;
    let texts = [
        String::new(),
        "naïve 日本語 🚪".to_owned(),
        "a\0b".to_owned(),
        "x".repeat(3_000_000),
        "'; DROP TABLE users --".to_owned(),
    ];
    let ints = [0, 1, -1, i64::MAX, i64::MIN];
    for (number, (text, int)) in texts.iter().zip(ints).enumerate() {
        let number = number as u64;
        let insert = one(
            "INSERT INTO one_time_links (id, secret_hash, purpose, created_at, expires_at, spent_at) VALUES (?, ?, ?, ?, ?, ?)",
            params![id(number), SecretHash::from_bytes([255; 32]), text, int, true, None::<i64>],
        );
        assert_eq!(house.store.write(Do(vec![insert])).await.unwrap(), Applied::Done);
        let read = house.store.read(Everything(number)).await.unwrap().unwrap();
        assert_eq!(read, ([255; 32], text.clone(), int, 1, None));
    }
}

#[test]
fn a_value_never_shows_its_content() {
    let shown = format!("{:?}", params!["secret", vec![1_u8, 2, 3], 42_i64, None::<String>]);
    assert_eq!(shown, "[Text(6 bytes), Bytes(3), Int, Null]");
    assert!(String::from_value(storage::ValueRef::Int(1)).is_err());
}
