//! What a person types into a form with a password, and what their browser sends then. It owns which field gets what.

use crate::encoding::Pairs;
use crate::html_form::{Form, Kind};
use std::borrow::Cow;

/// What a person types.
pub(crate) enum Typed {
    Known { username: String, password: String },
    New { username: String, password: String },
}

impl Typed {
    fn password(&self) -> &str {
        let (Self::Known { password, .. } | Self::New { password, .. }) = self;
        password
    }

    /// Into a field of this name, where `is_first` is the one for whoever it is if no name says so.
    fn into(&self, field: &str, is_first: bool) -> Option<Cow<'_, str>> {
        match self {
            Self::Known { username, .. } => is_first.then_some(Cow::Borrowed(username)),
            Self::New { username, .. } => match field {
                "username" | "name" => Some(Cow::Borrowed(username)),
                "email" => Some(Cow::Owned(format!("{username}@example.org"))),
                _ => None,
            },
        }
    }
}

/// What a browser sends when a person types into the fields and presses Enter: the first button is the one pressed.
pub(crate) fn filled_in(form: &Form<'_>, typed: &Typed) -> String {
    let pressed = form.of(Kind::Button).next();
    let who =
        form.of(Kind::Text).find(|field| field.name == "username").or_else(|| form.of(Kind::Text).next());
    let mut body = Pairs::default();
    for control in &form.controls {
        match control.kind {
            Kind::Text => {
                let text = typed.into(&control.name, who == Some(control));
                body.push(&control.name, text.as_deref().unwrap_or(&control.value));
            }
            Kind::Password => body.push(&control.name, typed.password()),
            Kind::Hidden => body.push(&control.name, &control.value),
            Kind::Button if pressed == Some(control) && !control.name.is_empty() => {
                body.push(&control.name, &control.value)
            }
            Kind::Button | Kind::Other => {}
        }
    }
    body.into_text()
}

/// Whether it is a form for somebody to prove who they are, or to choose how.
pub(crate) fn asks_password(form: &Form<'_>) -> bool {
    form.of(Kind::Password).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html_form::first_form;

    #[test]
    fn the_form_is_filled_in_as_a_browser_does() {
        let page = "<form method=post><input type=hidden name=t value='a&amp;b'><input name=trap><input name=username value=old>\
            <input type=checkbox name=remember value=1><input type=password name=password>\
            <button name=do value=in>Sign in</button><button name=do value=other>Other</button></form>";
        let form = first_form(page, asks_password).unwrap();
        let known = Typed::Known { username: "ada@example.org".to_owned(), password: "p w".to_owned() };
        assert_eq!(filled_in(&form, &known), "t=a%26b&trap=&username=ada%40example.org&password=p%20w&do=in");
        let page = "<form method=post><input name=name><input type=email name=email><input name=username>\
            <input type=password name=password><button>Create account</button></form>";
        let new = Typed::New { username: "u1".to_owned(), password: "p w".to_owned() };
        assert_eq!(
            filled_in(&first_form(page, asks_password).unwrap(), &new),
            "name=u1&email=u1%40example.org&username=u1&password=p%20w"
        );
    }
}
