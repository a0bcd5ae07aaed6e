-- Neither role is a superuser: row-level security holds for both. `bailiwick_owner` owns the schema and migrates,
-- `bailiwick` serves; `bailiwick migrate` gives it its rights on rows.
\set owner_password `cat /run/secrets/database_owner_password`
\set password `cat /run/secrets/database_password`
CREATE ROLE bailiwick_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE bailiwick LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
-- Each service has a database of its own; none reads another's.
CREATE DATABASE identity OWNER bailiwick_owner;
CREATE DATABASE tenancy OWNER bailiwick_owner;
CREATE DATABASE "authorization" OWNER bailiwick_owner;
