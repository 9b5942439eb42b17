import { connectSpring } from "../shared/java.js";

export const title = "Spring Boot 3.5.16";
export const needs = ["java", "mvn"];

export const connect = (kit) => connectSpring(kit, "3.5.16", ["spring-boot-starter-web", "spring-boot-starter-oauth2-client", "spring-boot-starter-oauth2-resource-server"]);
