import { connectSpring } from "../shared/java.js";

export const title = "Spring Boot 4.1.2";
export const needs = ["java", "mvn"];

export const connect = (kit) => connectSpring(kit, "4.1.2", ["spring-boot-starter-webmvc", "spring-boot-starter-security-oauth2-client", "spring-boot-starter-security-oauth2-resource-server"]);
