//! The RFC's vectors, and the same answers as `argon2` for whatever is asked.

use argon2::Argon2;
use proptest::prelude::*;

use super::*;

/// RFC 9106 section 5: 32 KiB, three passes, four lanes.
const RFC_9106: [(Algorithm, [u8; 32]); 3] = [
    (
        Algorithm::Argon2d,
        [
            0x51, 0x2b, 0x39, 0x1b, 0x6f, 0x11, 0x62, 0x97, 0x53, 0x71, 0xd3, 0x09, 0x19, 0x73, 0x42, 0x94,
            0xf8, 0x68, 0xe3, 0xbe, 0x39, 0x84, 0xf3, 0xc1, 0xa1, 0x3a, 0x4d, 0xb9, 0xfa, 0xbe, 0x4a, 0xcb,
        ],
    ),
    (
        Algorithm::Argon2i,
        [
            0xc8, 0x14, 0xd9, 0xd1, 0xdc, 0x7f, 0x37, 0xaa, 0x13, 0xf0, 0xd7, 0x7f, 0x24, 0x94, 0xbd, 0xa1,
            0xc8, 0xde, 0x6b, 0x01, 0x6d, 0xd3, 0x88, 0xd2, 0x99, 0x52, 0xa4, 0xc4, 0x67, 0x2b, 0x6c, 0xe8,
        ],
    ),
    (
        Algorithm::Argon2id,
        [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9,
            0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
        ],
    ),
];

fn memory(params: &Params) -> Vec<Block> {
    // Never fresh: what an earlier hash left must not matter.
    let mut used = Block::new();
    used.as_mut().fill(0x5555_aaaa_5555_aaaa);
    vec![used; params.block_count()]
}

#[test]
fn rfc_9106_section_5_vectors_hold_in_every_kind_of_vector() {
    let mut builder = argon2::ParamsBuilder::new();
    builder.m_cost(32).t_cost(3).p_cost(4).data(argon2::AssociatedData::new(&[4; 12]).unwrap());
    let params = builder.build().unwrap();
    // As Miri is told to have them: it must not run over nothing.
    if cfg!(target_feature = "avx2") {
        assert!(!Vectors::all().is_empty());
    }
    for vectors in Vectors::all() {
        for (algorithm, expected) in RFC_9106 {
            let inputs = Inputs {
                algorithm,
                version: Version::V0x13,
                params: &params,
                password: &[1; 32],
                salt: &[2; 16],
                secret: &[3; 8],
            };
            let mut digest = [0; 32];
            vectors.hash(&inputs, &mut memory(&params), &mut digest).unwrap();
            assert_eq!(digest, expected, "{algorithm} in {}", vectors.name());
        }
    }
}

#[derive(Clone, Debug)]
struct Asked {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    password: Vec<u8>,
    salt: Vec<u8>,
    secret: Vec<u8>,
    digest: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    let bytes = |length| prop::collection::vec(any::<u8>(), length);
    let algorithm = prop::sample::select(vec![Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id]);
    let version = prop::sample::select(vec![Version::V0x10, Version::V0x13]);
    // Up to five blocks of addresses in a segment of one lane.
    let cost = (1_u32..=9, 0_u32..2_600, 1_u32..=4)
        .prop_map(|(lanes, more, passes)| Params::new(8 * lanes + more, passes, lanes, None).unwrap());
    (algorithm, version, cost, bytes(0..=200), bytes(8..=70), bytes(0..=40), 4_usize..=200).prop_map(
        |(algorithm, version, params, password, salt, secret, digest)| Asked {
            algorithm,
            version,
            params,
            password,
            salt,
            secret,
            digest,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_answers_are_those_of_the_argon2_crate(asked in asked()) {
        let Asked { algorithm, version, params, password, salt, secret, digest } = asked;
        let mut expected = vec![0; digest];
        Argon2::new_with_secret(&secret, algorithm, version, params.clone())
            .unwrap()
            .hash_password_into_with_memory(&password, &salt, &mut expected, memory(&params))
            .unwrap();
        let inputs = Inputs { algorithm, version, params: &params, password: &password, salt: &salt, secret: &secret };
        for vectors in Vectors::all() {
            let mut found = vec![0; digest];
            vectors.hash(&inputs, &mut memory(&params), &mut found).unwrap();
            prop_assert_eq!(&found, &expected, "in {}", vectors.name());
        }
    }
}

#[test]
fn what_cannot_be_hashed_is_refused() {
    let params = Params::new(64, 1, 1, None).unwrap();
    let good = Inputs {
        algorithm: Algorithm::Argon2id,
        version: Version::V0x13,
        params: &params,
        password: b"p",
        salt: b"12345678",
        secret: b"",
    };
    for vectors in Vectors::all() {
        let mut digest = [0; 32];
        let mut enough = memory(&params);
        assert_eq!(vectors.hash(&good, &mut enough[1..], &mut digest), Err(Unusable::TooLittleMemory));
        assert_eq!(vectors.hash(&good, &mut enough, &mut digest[..3]), Err(Unusable::Length));
        let short = Inputs { salt: b"1234567", ..good };
        assert_eq!(vectors.hash(&short, &mut enough, &mut digest), Err(Unusable::Length));
        assert_eq!(vectors.hash(&good, &mut enough, &mut digest), Ok(()));
    }
}

/// Where there are vectors at all, a test that runs over none of them would say nothing.
#[cfg(target_arch = "x86_64")]
#[test]
fn every_kind_that_the_processor_has_is_tested() {
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has = |name: &str| flags.lines().any(|line| line.split_whitespace().any(|flag| flag == name));
    let names: Vec<_> = Vectors::all().into_iter().map(Vectors::name).collect();
    assert_eq!((names.contains(&"AVX2"), names.contains(&"AVX-512")), (has("avx2"), has("avx512f")));
}
