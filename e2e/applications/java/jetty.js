import { shows } from "../kit.js";
import { maven } from "../shared/java.js";

export const title = "Jetty 12.1.7, openid module";
export const needs = ["java", "mvn"];

const PROJECT = `<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
<dependencies><dependency><groupId>org.eclipse.jetty</groupId><artifactId>jetty-openid</artifactId><version>12.1.7</version></dependency>
<dependency><groupId>org.eclipse.jetty</groupId><artifactId>jetty-session</artifactId><version>12.1.7</version></dependency></dependencies>
<build><plugins><plugin><artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version>
<executions><execution><phase>package</phase><goals><goal>copy-dependencies</goal></goals><configuration><outputDirectory>target/lib</outputDirectory></configuration></execution></executions></plugin></plugins></build>`;

const SOURCE = `
package app;

import java.util.Map;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.security.Constraint;
import org.eclipse.jetty.security.SecurityHandler;
import org.eclipse.jetty.security.openid.OpenIdAuthenticator;
import org.eclipse.jetty.security.openid.OpenIdConfiguration;
import org.eclipse.jetty.security.openid.OpenIdLoginService;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.session.SessionHandler;
import org.eclipse.jetty.util.Callback;

public class App extends Handler.Abstract {
  @Override public boolean handle(Request request, Response response, Callback callback) {
    Object claims = request.getSession(true).getAttribute(OpenIdAuthenticator.CLAIMS);
    String who = claims instanceof Map<?, ?> person ? person.get("name") + " " + person.get("email") : "nobody";
    Content.Sink.write(response, true, who, callback);
    return true;
  }

  public static void main(String[] args) throws Exception {
    OpenIdConfiguration provider = new OpenIdConfiguration(args[1], args[2], args[3]);
    provider.addScopes("profile", "email");
    SecurityHandler.PathMapped security = new SecurityHandler.PathMapped();
    security.put("/home", Constraint.ANY_USER);
    security.setLoginService(new OpenIdLoginService(provider));
    security.setAuthenticator(new OpenIdAuthenticator(provider, "/j_security_check", "/wrong"));
    security.setHandler(new App());
    SessionHandler sessions = new SessionHandler();
    sessions.setHandler(security);
    Server server = new Server(Integer.parseInt(args[0]));
    server.addBean(provider);
    server.setHandler(sessions);
    server.start();
  }
}
`;

export async function connect(kit) {
  const folder = await maven(kit, PROJECT, SOURCE, "target/lib");
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("jetty", base);
  await kit.start("java", ["-cp", "target/classes:target/lib/*", "app.App", port, kit.issuer, id, secret].map(String), { cwd: folder, until: base });

  const page = await kit.page();
  await page.goto(`${base}/home`);
  await kit.signIn(page, base);
  await shows(page, /Alice .+@/);
  return ["sign-in", "name and e-mail"];
}
