// Tells the page around this frame what the server saw: whether the browser sends our cookies along from there.
window.parent.postMessage(document.currentScript.dataset.cookies, "*");
