import { join } from "node:path";
import { shows } from "../kit.js";
import { maven } from "../shared/java.js";

export const title = "Quarkus 3.33.2 (web-app)";
export const needs = ["java", "mvn"];

const PROJECT = `<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
<dependencyManagement><dependencies><dependency><groupId>io.quarkus</groupId><artifactId>quarkus-bom</artifactId><version>3.33.2</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>
<dependencies><dependency><groupId>io.quarkus</groupId><artifactId>quarkus-rest</artifactId></dependency><dependency><groupId>io.quarkus</groupId><artifactId>quarkus-oidc</artifactId></dependency></dependencies>
<build><plugins><plugin><groupId>io.quarkus</groupId><artifactId>quarkus-maven-plugin</artifactId><version>3.33.2</version><extensions>true</extensions>
<executions><execution><goals><goal>build</goal></goals></execution></executions></plugin></plugins></build>`;

const SOURCE = `
package app;

import io.quarkus.oidc.IdToken;
import io.quarkus.security.Authenticated;
import jakarta.inject.Inject;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import org.eclipse.microprofile.jwt.JsonWebToken;

@Path("/")
public class App {
  @Inject @IdToken JsonWebToken person;

  @GET public String open() { return "nobody"; }
  @GET @Path("home") @Authenticated public String home() { return person.getClaim("name") + " " + person.getClaim("email"); }
}
`;

export async function connect(kit) {
  const built = "target/quarkus-app/quarkus-run.jar";
  const runner = join(await maven(kit, PROJECT, SOURCE, built), built);
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("quarkus", base);
  const settings = {
    "quarkus.http.port": port,
    "quarkus.oidc.auth-server-url": kit.issuer,
    "quarkus.oidc.client-id": id,
    "quarkus.oidc.credentials.secret": secret,
    "quarkus.oidc.application-type": "web-app",
    "quarkus.oidc.authentication.redirect-path": "/callback",
    "quarkus.oidc.authentication.restore-path-after-redirect": true,
    "quarkus.oidc.authentication.pkce-required": true,
    "quarkus.oidc.authentication.state-secret": "a".repeat(32),
    "quarkus.oidc.authentication.scopes": "profile,email",
    "quarkus.oidc.logout.path": "/logout",
    "quarkus.oidc.logout.post-logout-path": "/",
  };
  const words = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  await kit.start("java", [...words, "-jar", runner], { until: base });

  const page = await kit.page();
  await page.goto(`${base}/home`);
  await kit.signIn(page, base);
  await shows(page, /Alice .+@/);
  await page.goto(`${base}/logout`);
  await page.waitForURL((url) => url.href.startsWith(`${base}/?state=`));
  await page.goto(`${base}/home`);
  await page.locator("input[type=password]").waitFor();
  return ["sign-in", "name and e-mail", "sign-out"];
}
