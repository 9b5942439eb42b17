//! Users, as an operator changes them.

use super::AdminError;
use crate::settings::MAX_ACCESS_TOKEN_LIFETIME;
use crate::{Ctx, Provider};
use passwords::OnBehalfOf;
use protocol::claims::is_standard;
use protocol::name;
use protocol::standard_claims;
use protocol::{AuditEvent, Timestamp, UserId};
use secrecy::SecretString;
use serde_json::{Map, Value};
use storage::user::{
    AddUser, AddUserWithSubject, ChangeUser, LiftLockOut, ListUsers, RemoveUser, SetPassword,
    SetUserDisabled, User, UserAdded, UserChanges,
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

/// What of a user is to change; what is not named stays as it is.
#[derive(Debug, Default)]
pub struct UserChange {
    /// How they sign in.
    pub username: Option<String>,
    /// Where mail reaches them, or that nothing does any more.
    pub email: Option<Option<String>>,
    /// Whether that was shown; a new address is taken at the operator's word unless this says otherwise.
    pub email_verified: Option<bool>,
    /// What people call them, or that nobody knows any more.
    pub name: Option<Option<String>>,
    /// Further standard claims to set, or to take away.
    pub claims: Vec<(String, Option<Value>)>,
}

/// A new user's password.
pub enum UserPassword {
    /// In clear, to be hashed.
    Clear(SecretString),
    /// A hash from another system, in any form that `passwords` reads; upgraded at the next sign-in.
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
        let new = checked(new)?;
        let password_hash = match new.password {
            UserPassword::Clear(password) => Some(self.hashed(password).await?),
            UserPassword::Hash(hash) => self.imported_hash(hash).await?,
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
            Some(UserAdded::Taken | UserAdded::LooksAlike | UserAdded::LinkSpent) => {
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
        let found = self.user_by_login(login).await?;
        found.map(|found| found.user).ok_or_else(|| AdminError::Unknown(format!("user {login}")))
    }

    /// Changes a user, in what is named.
    ///
    /// # Errors
    /// When there is no such user, a name or a claim cannot be had, or somebody else changed the user's claims at the same time.
    pub async fn change_user(&self, ctx: &Ctx, login: &str, change: UserChange) -> Result<User, AdminError> {
        let user = self.find_user(login).await?;
        let changes = checked_changes(&user, change)?;
        if changes == UserChanges::default() {
            return Err(AdminError::Invalid("nothing to change was named".into()));
        }
        let mut changed: Vec<&'static str> = Vec::new();
        changed.extend(changes.username.as_ref().map(|_| "username"));
        changed.extend(changes.email.as_ref().map(|_| "email"));
        changed.extend(changes.name.as_ref().map(|_| "name"));
        changed.extend(changes.claims.as_ref().map(|_| "claims"));
        let command = ChangeUser { user, changes, at: ctx.now };
        let after = command.changed();
        let event = AuditEvent::UserChanged { user: after.id, changed: changed.join(" ") };
        if !self.inner.store.write(self.audited(ctx, command, event)).await? {
            let taken = "the username or e-mail address, or the user was changed at the same time: it";
            return Err(AdminError::Taken(taken.into()));
        }
        Ok(after)
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
        check_password(&password, own_words(&user.username, user.email.as_deref(), user.name.as_deref()))?;
        let password_hash = self.hashed(password).await?;
        self.set_password(ctx, user.id, Some(password_hash)).await
    }

    /// Sets a user's password as another system keeps it, and ends their sessions, grants and access tokens.
    ///
    /// # Errors
    /// When there is no such user, or the hash is not read.
    pub async fn set_user_password_hash(
        &self,
        ctx: &Ctx,
        login: &str,
        hash: String,
    ) -> Result<(), AdminError> {
        let user = self.find_user(login).await?;
        let password_hash = self.imported_hash(hash).await?;
        self.set_password(ctx, user.id, password_hash).await
    }

    async fn set_password(
        &self,
        ctx: &Ctx,
        user: UserId,
        password_hash: Option<String>,
    ) -> Result<(), AdminError> {
        let revoked_until = revoked_until(ctx);
        let command = SetPassword { user, password_hash, at: ctx.now, revoked_until };
        let command = self.audited(ctx, command, AuditEvent::UserPasswordSet { user });
        self.commit(ctx, command).await?;
        Ok(())
    }

    /// Lifts a user's lock-out, on every node: what was counted of wrong passwords and wrong user codes is forgotten.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn lift_lock_out(&self, ctx: &Ctx, login: &str) -> Result<(), AdminError> {
        let user = self.find_user(login).await?;
        let event = AuditEvent::UserUnlocked { user: user.id };
        self.commit(ctx, self.audited(ctx, LiftLockOut(user.id), event)).await?;
        self.inner.failures.lift(user.id);
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
        self.commit(ctx, command).await?;
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
        self.commit(ctx, command).await?;
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

/// The user with their names as they are kept.
fn checked(mut new: NewUser) -> Result<NewUser, AdminError> {
    new.email = new.email.as_deref().map(email).transpose()?;
    new.username = username(&new.username, new.email.as_deref())?;
    new.name = new.name.as_deref().map(called).transpose()?;
    // Lists begin after it.
    if new.subject.is_some_and(|subject| *subject.as_bytes() == [0; 16]) {
        return Err(AdminError::Invalid("sub: the nil UUID (RFC 9562 section 5.9) is nobody's".into()));
    }
    new.claims.iter().try_for_each(|(claim, value)| check_claim(claim, Some(value)))?;
    if let UserPassword::Clear(password) = &new.password {
        check_password(password, own_words(&new.username, new.email.as_deref(), new.name.as_deref()))?;
    }
    Ok(new)
}

fn checked_changes(user: &User, change: UserChange) -> Result<UserChanges, AdminError> {
    let mut changes = UserChanges::default();
    let address = match change.email {
        Some(Some(address)) => Some(Some(email(&address)?)),
        other => other.map(|_| None),
    };
    // An address that was shown to be somebody's says nothing of the next one.
    changes.email = match (address, change.email_verified) {
        (Some(address), verified) => {
            let verified = address.is_some() && verified.unwrap_or(true);
            Some((address, verified))
        }
        (None, Some(verified)) if user.email.is_some() => Some((user.email.clone(), verified)),
        (None, Some(_)) => return Err(AdminError::Invalid("email: this user has none".into())),
        (None, None) => None,
    };
    let address = changes.email.as_ref().map_or(user.email.as_deref(), |(address, _)| address.as_deref());
    if let Some(wanted) = change.username {
        changes.username = Some(username(&wanted, address)?);
    } else if changes.email.is_some() && user.username.contains('@') {
        // It must stay the user's own.
        username(&user.username, address)?;
    }
    changes.name = match change.name {
        Some(Some(name)) => Some(Some(called(&name)?)),
        other => other.map(|_| None),
    };
    if !change.claims.is_empty() {
        let mut claims = user.claims.clone();
        for (claim, value) in change.claims {
            check_claim(&claim, value.as_ref())?;
            match value {
                Some(value) => claims.insert(claim, value),
                None => claims.remove(&claim),
            };
        }
        changes.claims = Some((user.claims.clone(), claims));
    }
    Ok(changes)
}

fn username(text: &str, email: Option<&str>) -> Result<String, AdminError> {
    name::username(text, email).map_err(|problem| AdminError::Invalid(format!("username: {problem}")))
}

fn email(text: &str) -> Result<String, AdminError> {
    name::email(text).map_err(|problem| AdminError::Invalid(format!("email: {problem}")))
}

fn called(text: &str) -> Result<String, AdminError> {
    name::display_name(text).map_err(|problem| AdminError::Invalid(format!("name: {problem}")))
}

/// Claims that have a place of their own, or that this server says itself, are not stored as claims beside it.
fn check_claim(claim: &str, value: Option<&Value>) -> Result<(), AdminError> {
    if let Some(place) = protocol::claims::kept_elsewhere(claim) {
        return Err(AdminError::Invalid(format!("claim {claim}: {place}")));
    }
    if !is_standard(claim) {
        let why = "not a standard claim (OpenID Connect Core section 5.1)";
        return Err(AdminError::Invalid(format!("claim {claim}: {why}")));
    }
    let checked = value.map_or(Ok(()), |value| standard_claims::check_claim(claim, value));
    checked.map_err(|error| AdminError::Invalid(error.to_string()))
}

fn own_words<'a>(
    username: &'a str,
    email: Option<&'a str>,
    name: Option<&'a str>,
) -> impl Iterator<Item = &'a str> {
    [Some(username), email, name].into_iter().flatten()
}

fn check_password<'a>(
    password: &SecretString,
    own: impl IntoIterator<Item = &'a str>,
) -> Result<(), AdminError> {
    let checked = crate::interaction::check_password(password, own);
    checked.map_err(|problem| AdminError::Invalid(format!("password: {problem}")))
}
