// OAuth 2.0 Form Post Response Mode, section 2: the answer is posted as soon as the page is there.
// Taken from the prototype because a field could be called "submit".
HTMLFormElement.prototype.submit.call(document.forms[0]);
