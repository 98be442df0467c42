# What collections.json says, one entry a resource. Only functions and data files here, as in locals.tf:
# `terraform console` evaluates it without a provider (tests/deploy).

locals {
  # Firestore makes the indexes of single fields itself. It reads an index in one direction only, and the port promises
  # both, so each declared index of two or more fields is made upwards and downwards in its last field.
  # The id follows by itself, in the direction of the last field.
  firestore_indexes = merge(flatten([
    for collection, body in local.collections : [
      for database in body.databases : [
        for fields in body.indexes : [
          for order in ["ASCENDING", "DESCENDING"] : {
            "${database}/${collection}/${join(",", fields)}/${lower(order)}" = {
              database   = database
              collection = collection
              fields = [
                for position, field in fields :
                { path = field, order = position == length(fields) - 1 ? order : "ASCENDING" }
              ]
            }
          }
        ] if length(fields) > 1
      ]
    ]
  ])...)

  # collections whose documents end: their time stands in the field _ttl (usher_shared.documents.firestore_values)
  firestore_ttl = merge(flatten([
    for collection, body in local.collections : [
      for database in body.databases : {
        "${database}/${collection}" = { database = database, collection = collection }
      }
    ] if try(body.ttl_field, null) != null
  ])...)
}
