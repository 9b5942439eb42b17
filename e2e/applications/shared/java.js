// Programs of one Java file, built by Maven.

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Builds it, once per text; answers its folder. `product` is there when it is built. */
export async function maven(kit, project, source, product) {
  const folder = join(kit.installed, "maven");
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>app</groupId><artifactId>app</artifactId><version>1</version>
${project}</project>`;
  const before = await readFile(join(folder, "built"), "utf8").catch(() => "");
  if (!existsSync(join(folder, product)) || before !== pom + source) {
    await mkdir(join(folder, "src/main/java/app"), { recursive: true });
    await writeFile(join(folder, "src/main/java/app/App.java"), source);
    await writeFile(join(folder, "pom.xml"), pom);
    await kit.run("mvn", ["--batch-mode", "--quiet", "package"], { cwd: folder });
    await writeFile(join(folder, "built"), pom + source);
  }
  return folder;
}

/** Answers the path of its jar. */
export async function springBoot(kit, version, starters, source) {
  const dependencies = starters.map((name) => `<dependency><groupId>org.springframework.boot</groupId><artifactId>${name}</artifactId></dependency>`);
  const project = `<parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId><version>${version}</version></parent>
<properties><java.version>17</java.version></properties><dependencies>${dependencies.join("")}</dependencies>
<build><plugins><plugin><groupId>org.springframework.boot</groupId><artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins></build>`;
  const jar = "target/app-1.jar";
  return join(await maven(kit, project, source, jar), jar);
}

/** Signs people in, shows who they are, signs out everywhere, and has an API for access tokens. */
export const SOURCE = `
package app;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.core.annotation.Order;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class App {
  public static void main(String[] args) { SpringApplication.run(App.class, args); }

  @GetMapping("/") String open() { return "nobody"; }
  @GetMapping("/home") String home(@AuthenticationPrincipal OidcUser user) { return user.getFullName() + " " + user.getEmail(); }
  @GetMapping("/api") String api(@AuthenticationPrincipal Jwt jwt) { return jwt.getSubject(); }

  @Bean @Order(1) SecurityFilterChain api(HttpSecurity http) throws Exception {
    return http.securityMatcher("/api").authorizeHttpRequests(all -> all.anyRequest().authenticated())
        .oauth2ResourceServer(server -> server.jwt(Customizer.withDefaults())).build();
  }

  @Bean @Order(2) SecurityFilterChain pages(HttpSecurity http, ClientRegistrationRepository clients) throws Exception {
    var leave = new OidcClientInitiatedLogoutSuccessHandler(clients);
    leave.setPostLogoutRedirectUri("{baseUrl}/");
    return http.authorizeHttpRequests(all -> all.requestMatchers("/", "/error").permitAll().anyRequest().authenticated())
        .csrf(csrf -> csrf.disable()).oauth2Login(Customizer.withDefaults()).logout(out -> out.logoutSuccessHandler(leave)).build();
  }
}
`;

/** Signs in, looks at the API and signs out. */
export async function connectSpring(kit, version, starters) {
  const { shows } = await import("../kit.js");
  const { answers, machineToken } = await import("./tokens.js");
  const jar = await springBoot(kit, version, starters, SOURCE);
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("spring-boot", base);
  const spring = "--spring.security.oauth2";
  const args = [
    `--server.port=${port}`,
    `${spring}.client.registration.doorward.client-id=${id}`,
    `${spring}.client.registration.doorward.client-secret=${secret}`,
    `${spring}.client.registration.doorward.scope=openid,profile,email`,
    `${spring}.client.provider.doorward.issuer-uri=${kit.issuer}`,
    `${spring}.resourceserver.jwt.issuer-uri=${kit.issuer}`,
    `${spring}.resourceserver.jwt.jws-algorithms=RS256,ES256`,
  ];
  await kit.start("java", ["-jar", jar, ...args], { until: base });

  const page = await kit.page();
  await page.goto(`${base}/oauth2/authorization/doorward`);
  await kit.signIn(page, base);
  await page.goto(`${base}/home`);
  await shows(page, /Alice .+@/);
  await page.setContent('<form method="post" action="/logout"><button>Leave</button></form>');
  await page.getByRole("button", { name: "Leave" }).click();
  await page.waitForURL(`${base}/`);
  await shows(page, "nobody");
  await page.goto(`${base}/home`);
  await page.waitForURL((url) => url.origin === kit.issuer);
  await page.locator("input[type=password]").waitFor();
  await answers(`${base}/api`, await machineToken(kit, "--access-token-type", "JWT"), { good: 200, bad: 401 });
  return ["sign-in", "name and e-mail", "sign-out", "access token verified"];
}
