-- Each service has a database of its own; none reads another's.
CREATE DATABASE identity;
CREATE DATABASE tenancy;
CREATE DATABASE "authorization";
