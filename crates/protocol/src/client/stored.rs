//! How members are stored that nodes of an earlier version read in another way.

/// The algorithm as it is stored. Nodes of the version before it could be the installation's look for one.
pub(super) mod alg {
    use crate::signing::SigningAlgorithm;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Stored {
        #[serde(default)]
        access_token_signed_response_alg: SigningAlgorithm,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        access_token_alg_by_default: bool,
    }

    pub(crate) fn serialize<S: Serializer>(
        chosen: &Option<SigningAlgorithm>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            access_token_signed_response_alg: chosen.unwrap_or_default(),
            access_token_alg_by_default: chosen.is_none(),
        };
        stored.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SigningAlgorithm>, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Ok((!stored.access_token_alg_by_default).then_some(stored.access_token_signed_response_alg))
    }
}

/// The policy as it is stored. Registrations from before there was one say `require_pkce`, and nodes of that version still look for it.
pub(super) mod pkce {
    use crate::PkcePolicy;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Stored {
        #[serde(default)]
        pkce: Option<Choice>,
        #[serde(default)]
        require_pkce: Option<bool>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Default,
        Required,
        PkceOrNonce,
        Optional,
    }

    pub(crate) fn serialize<S: Serializer>(
        policy: &Option<PkcePolicy>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let choice = match policy {
            None => Choice::Default,
            Some(PkcePolicy::Required) => Choice::Required,
            Some(PkcePolicy::PkceOrNonce) => Choice::PkceOrNonce,
            Some(PkcePolicy::Optional) => Choice::Optional,
        };
        let required = *policy != Some(PkcePolicy::Optional);
        Stored { pkce: Some(choice), require_pkce: Some(required) }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PkcePolicy>, D::Error> {
        let Stored { pkce, require_pkce } = Stored::deserialize(deserializer)?;
        Ok(match (pkce, require_pkce) {
            (Some(Choice::Default), _) | (None, None) => None,
            (Some(Choice::Required), _) | (None, Some(true)) => Some(PkcePolicy::Required),
            (Some(Choice::PkceOrNonce), _) => Some(PkcePolicy::PkceOrNonce),
            (Some(Choice::Optional), _) | (None, Some(false)) => Some(PkcePolicy::Optional),
        })
    }
}
