//! Users, as an operator changes them.

use super::AdminError;
use crate::interaction::{is_email, is_username};
use crate::revocations::revocation;
use crate::settings::MAX_ACCESS_TOKEN_LIFETIME;
use crate::{Ctx, Provider};
use passwords::OnBehalfOf;
use protocol::claims::is_standard;
use protocol::standard_claims::check_claim;
use protocol::{AuditEvent, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use storage::user::{
    AddUser, AddUserWithSubject, ListUsers, RemoveUser, SetPassword, SetUserDisabled, User, UserAdded,
    UserByEmail, UserByUsername,
};

/// A user to add.
pub struct NewUser {
    /// How they sign in.
    pub username: String,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// Whether that was shown.
    pub email_verified: bool,
    /// What people call them.
    pub name: Option<String>,
    /// Further standard claims (OpenID Connect Core section 5.1).
    pub claims: Map<String, Value>,
    /// How they prove who they are.
    pub password: UserPassword,
    /// Whether they run this installation.
    pub platform_owner: bool,
    /// Who they are to clients already, where they come from elsewhere; else one is made.
    pub subject: Option<UserId>,
}

/// A new user's password.
pub enum UserPassword {
    /// In clear, to be hashed.
    Clear(SecretString),
    /// A hash from another system: Argon2, bcrypt, scrypt or PBKDF2; upgraded at the next sign-in.
    Hash(String),
    /// None yet: this user cannot sign in with a password.
    None,
}

impl Provider {
    /// Adds a user.
    ///
    /// # Errors
    /// When something about them cannot be stored, or the username or e-mail address is taken.
    pub async fn add_user(&self, ctx: &mut Ctx, new: NewUser) -> Result<User, AdminError> {
        check(&new)?;
        let password_hash = match new.password {
            UserPassword::Clear(password) => Some(self.hashed(password).await?),
            UserPassword::Hash(hash) => {
                passwords::inspect(&hash)
                    .map_err(|error| AdminError::Invalid(format!("password hash: {error}")))?;
                Some(hash)
            }
            UserPassword::None => None,
        };
        let user = User {
            id: new.subject.unwrap_or_else(|| UserId::new(ctx.now, ctx.id())),
            username: new.username,
            email: new.email,
            email_verified: new.email_verified,
            name: new.name,
            claims: new.claims,
            platform_owner: new.platform_owner,
            created_at: ctx.now,
            updated_at: ctx.now,
            disabled_at: None,
            signed_out_at: None,
        };
        let created = AuditEvent::UserCreated { user: user.id, platform_owner: user.platform_owner };
        let add = AddUser { user: user.clone(), password_hash, spends: None };
        let added = match new.subject {
            Some(_) => self.inner.store.write(self.audited(ctx, AddUserWithSubject(add), created)).await?,
            None => Some(self.inner.store.write(self.audited(ctx, add, created)).await?),
        };
        match added {
            Some(UserAdded::Added) => Ok(user),
            Some(UserAdded::Taken | UserAdded::LinkSpent) => {
                Err(AdminError::Taken("the username or e-mail address".into()))
            }
            // RFC 9700 section 4.15.
            None => Err(AdminError::Taken(format!("sub {}: another user's, or a client_id, so it", user.id))),
        }
    }

    /// Users in the order of their creation, a page at a time.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, AdminError> {
        Ok(self.inner.store.read(ListUsers { after, limit: limit.min(1_000) }).await?)
    }

    /// The user with this username, or else this e-mail address.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_user(&self, login: &str) -> Result<User, AdminError> {
        let mut found = self.inner.store.read(UserByUsername(login)).await?;
        if found.is_none() {
            found = self.inner.store.read(UserByEmail(login)).await?;
        }
        found.map(|found| found.user).ok_or_else(|| AdminError::Unknown(format!("user {login}")))
    }

    /// Sets a user's password and ends their sessions, grants and access tokens.
    ///
    /// # Errors
    /// When there is no such user, or the password is too short or too long.
    pub async fn set_user_password(
        &self,
        ctx: &Ctx,
        login: &str,
        password: SecretString,
    ) -> Result<(), AdminError> {
        let user = self.find_user(login).await?;
        check_password(&password)?;
        let password_hash = self.hashed(password).await?;
        let revoked_until = revoked_until(ctx);
        let command = SetPassword { user: user.id, password_hash, at: ctx.now, revoked_until };
        let command = self.audited(ctx, command, AuditEvent::UserPasswordSet { user: user.id });
        self.write_revoking(command, revocation(ctx, *user.id.as_bytes())).await?;
        Ok(())
    }

    /// Refuses a user everywhere, or admits them again; either ends what was begun before.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn set_user_disabled(&self, ctx: &Ctx, login: &str, disabled: bool) -> Result<(), AdminError> {
        let user = self.find_user(login).await?;
        let command =
            SetUserDisabled { user: user.id, disabled, at: ctx.now, revoked_until: revoked_until(ctx) };
        let event = match disabled {
            true => AuditEvent::UserDisabled { user: user.id },
            false => AuditEvent::UserEnabled { user: user.id },
        };
        let command = self.audited(ctx, command, event);
        self.write_revoking(command, revocation(ctx, *user.id.as_bytes())).await?;
        Ok(())
    }

    /// Forgets a user.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn remove_user(&self, ctx: &Ctx, login: &str) -> Result<(), AdminError> {
        let user = self.find_user(login).await?;
        let command = RemoveUser { user: user.id, at: ctx.now, revoked_until: revoked_until(ctx) };
        let command = self.audited(ctx, command, AuditEvent::UserRemoved { user: user.id });
        self.write_revoking(command, revocation(ctx, *user.id.as_bytes())).await?;
        Ok(())
    }

    async fn hashed(&self, password: SecretString) -> Result<String, AdminError> {
        let hashed = self.inner.hash_pool.hash(OnBehalfOf::default(), password).await;
        hashed.map_err(|refused| AdminError::Provider(refused.into()))
    }
}

fn revoked_until(ctx: &Ctx) -> Timestamp {
    ctx.now + MAX_ACCESS_TOKEN_LIFETIME
}

fn check(new: &NewUser) -> Result<(), AdminError> {
    let invalid = |why: String| Err(AdminError::Invalid(why));
    if !is_username(&new.username, new.email.as_deref()) {
        return invalid(
            "username: 1 to 255 characters without spaces around; with an @ it must be the user's own e-mail address"
                .into(),
        );
    }
    if new.email.as_deref().is_some_and(|email| !is_email(email)) {
        return invalid("email: an address such as alice@example.org is expected".into());
    }
    // Lists begin after it.
    if new.subject.is_some_and(|subject| *subject.as_bytes() == [0; 16]) {
        return invalid("sub: the nil UUID (RFC 9562 section 5.9) is nobody's".into());
    }
    if let Some(claim) = new.claims.keys().find(|claim| !is_standard(claim)) {
        return invalid(format!("claim {claim}: not a standard claim (OpenID Connect Core section 5.1)"));
    }
    for (claim, value) in &new.claims {
        check_claim(claim, value).map_err(|error| AdminError::Invalid(error.to_string()))?;
    }
    if let UserPassword::Clear(password) = &new.password {
        check_password(password)?;
    }
    Ok(())
}

fn check_password(password: &SecretString) -> Result<(), AdminError> {
    let (least, most) = (crate::interaction::MIN_PASSWORD_CHARS, passwords::MAX_PASSWORD_BYTES);
    let password = password.expose_secret();
    if password.chars().count() < least || password.len() > most {
        return Err(AdminError::Invalid(format!(
            "password: {least} characters at least and {most} bytes at most"
        )));
    }
    Ok(())
}
