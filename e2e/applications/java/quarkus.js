import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { shows } from "../kit.js";

export const title = "Quarkus 3.33.2 (web-app)";
export const needs = ["java", "mvn"];

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId><version>1</version>
<properties><maven.compiler.release>17</maven.compiler.release><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
<dependencyManagement><dependencies><dependency><groupId>io.quarkus</groupId><artifactId>quarkus-bom</artifactId><version>3.33.2</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>
<dependencies><dependency><groupId>io.quarkus</groupId><artifactId>quarkus-rest</artifactId></dependency><dependency><groupId>io.quarkus</groupId><artifactId>quarkus-oidc</artifactId></dependency></dependencies>
<build><plugins><plugin><groupId>io.quarkus</groupId><artifactId>quarkus-maven-plugin</artifactId><version>3.33.2</version><extensions>true</extensions>
<executions><execution><goals><goal>build</goal></goals></execution></executions></plugin></plugins></build></project>`;

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

  @GET @Path("public") public String open() { return "nobody"; }
  @GET @Path("home") @Authenticated public String home() { return person.getClaim("name") + " " + person.getClaim("email"); }
}
`;

export async function connect(kit) {
  const folder = join(kit.installed, "maven");
  const runner = join(folder, "target/quarkus-app/quarkus-run.jar");
  const before = await readFile(join(folder, "built"), "utf8").catch(() => "");
  if (!existsSync(runner) || before !== POM + SOURCE) {
    await mkdir(join(folder, "src/main/java/app"), { recursive: true });
    await writeFile(join(folder, "src/main/java/app/App.java"), SOURCE);
    await writeFile(join(folder, "pom.xml"), POM);
    await kit.run("mvn", ["--batch-mode", "--quiet", "package"], { cwd: folder });
    await writeFile(join(folder, "built"), POM + SOURCE);
  }
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
    "quarkus.oidc.logout.post-logout-path": "/public",
  };
  const words = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  await kit.start("java", [...words, "-jar", runner], { until: `${base}/public` });

  const page = await kit.page();
  await page.goto(`${base}/home`);
  await kit.signIn(page, base);
  await shows(page, /Alice .+@/);
  await page.goto(`${base}/logout`);
  await page.waitForURL(`${base}/public`);
  await page.goto(`${base}/home`);
  await page.locator("input[type=password]").waitFor();
  return ["sign-in", "name and e-mail", "sign-out"];
}
