// What three Django applications share: a project of one file. Not an application by itself.

/** One file that is a whole Django project. `settings` and `urls` are the application's own words. */
export function project({ apps, middleware = "", settings, urls, home }) {
  return `
import os, sys
from pathlib import Path
from django.conf import settings
BASE = os.environ["BASE"]
settings.configure(
    DEBUG=True, SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, STATIC_URL="/static/", SITE_ID=1, USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).with_name("db.sqlite3")}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "django.contrib.sites", ${apps}],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware", ${middleware}],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages"]}}],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", LOGIN_REDIRECT_URL="/", LOGOUT_REDIRECT_URL="/",
    ${settings}
)
import django
django.setup()
from django.http import HttpResponse
from django.urls import include, path

def home(request):
    user = request.user
    return HttpResponse(${home ?? 'f"{user.first_name} {user.email}"'} if user.is_authenticated else "nobody")

urlpatterns = [path("", home), ${urls}]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
`;
}

/** Starts the project; answers where it is. */
export async function serve(kit, bin, port, environment) {
  const env = { ...environment, ISSUER: kit.issuer };
  await kit.run(`${bin}/python`, ["app.py", "migrate", "--run-syncdb"], { env });
  const base = `http://localhost:${port}`;
  await kit.start(`${bin}/python`, ["app.py", "runserver", "--noreload", `127.0.0.1:${port}`], { env, until: base });
}
